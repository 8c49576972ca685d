#!/bin/bash
# Runs containerd for the Kata tests with a /run of its own. Expects to be in mount and PID namespaces of its own, with the
# mounts still shared with the parent. Arguments: the work directory, the command.
# Private are /run (containerd's, the shim's and Kata's sockets and state) and /var/lib (CNI's results). /run/netns stays
# shared with the parent: the adaptor and the pod VMs are there.
set -euo pipefail
work=$1
shift
while read -r _ _ _ _ mounted _; do
  case $mounted in /run/netns | /run/netns/*) ;; *) mount --make-private "$(printf '%b' "${mounted//\\/\\0}")" 2> /dev/null || true ;; esac
done < /proc/self/mountinfo
mount -t proc proc /proc
mkdir -p "$work/run"
mount -t tmpfs -o mode=0755 kata-run "$work/run"
# The lab's directory, with the adaptor's socket.
lab=$(dirname "$work")
mkdir -p "$work/run/netns" "$work/run/lock" "$work/run${lab#/run}"
mount --rbind /run/netns "$work/run/netns"
mount --bind "$lab" "$work/run${lab#/run}"
# The shim's syslog: Go's log/syslog also tries this path, and also as a stream socket.
touch "$work/run/log"
mount --bind "$work/syslog" "$work/run/log"
mount --rbind "$work/run" /run
mount -t tmpfs -o mode=0755 kata-lib /var/lib
# The first process of the PID namespace: when the command ends it starts again, and the shims live on.
while :; do
  "$@" &
  wait $! || true
done
