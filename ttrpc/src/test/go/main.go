// Peer is containerd's own Go ttrpc (Debian: golang-github-containerd-ttrpc-dev) behind a small command line, for the
// interop tests and the benchmark. Build: GO111MODULE=off GOPATH=/usr/share/gocode go build -o peer .
//
//	peer serve SOCKET                               hypervisor.Hypervisor, until stdin ends; prints "ready"
//	peer check SOCKET                               calls a server in every way that the tests know; prints what came
//	peer agent SOCKET                               plays kata-agent: Health/Check is SERVING; prints "ready"
//	peer bench SOCKET CALLERS MILLIS shared|each    Version() by that many callers; prints calls per second and p50, p99
//
// Without arguments it is "peer agent" on the socket in KATA_AGENT_SERVER_ADDR, as a pod VM starts kata-agent.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if address := os.Getenv("KATA_AGENT_SERVER_ADDR"); len(os.Args) == 1 && address != "" {
		agent(strings.TrimPrefix(address, "unix://"))
	}
	if len(os.Args) < 3 {
		fail("usage: peer serve|check|agent|bench SOCKET ...")
	}
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2])
	case "check":
		check(os.Args[2])
	case "agent":
		agent(os.Args[2])
	case "bench":
		bench(os.Args[2], number(3), time.Duration(number(4))*time.Millisecond, os.Args[5] == "shared")
	default:
		fail("unknown: " + os.Args[1])
	}
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		fail(err.Error())
	}
	return n
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}
