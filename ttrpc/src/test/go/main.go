// Peer is containerd's own Go ttrpc (Debian: golang-github-containerd-ttrpc-dev) behind a small command line, for the
// interop tests and the benchmark. Build: GO111MODULE=off GOPATH=/usr/share/gocode go build -o peer .
//
//	peer serve SOCKET                               hypervisor.Hypervisor, until stdin ends; prints "ready"
//	peer check SOCKET                               calls a server in every way that the tests know; prints what came
//	peer bench SOCKET CALLERS MILLIS shared|each    Version() by that many callers; prints calls per second and p50, p99
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fail("usage: peer serve|check|bench SOCKET ...")
	}
	switch os.Args[1] {
	case "serve":
		serve(os.Args[2])
	case "check":
		check(os.Args[2])
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
