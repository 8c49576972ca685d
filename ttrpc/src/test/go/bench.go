package main

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
)

// bench calls Version() for that long and prints "calls_per_second p50_us p99_us".
func bench(socket string, callers int, duration time.Duration, shared bool) {
	var common *ttrpc.Client
	if shared {
		common = dial(socket)
	}
	var group sync.WaitGroup
	times := make([][]time.Duration, callers)
	start := time.Now()
	for i := range times {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			request := &VersionRequest{Version: "sixteen bytes ok"}
			var answer VersionResponse
			for begin := time.Now(); begin.Sub(start) < duration; begin = time.Now() {
				client := common
				if !shared {
					client = dial(socket)
				}
				if err := client.Call(context.Background(), service, "Version", request, &answer); err != nil {
					fail(err.Error())
				}
				if !shared {
					client.Close()
				}
				times[i] = append(times[i], time.Since(begin))
			}
		}(i)
	}
	group.Wait()
	elapsed := time.Since(start)
	var all []time.Duration
	for _, some := range times {
		all = append(all, some...)
	}
	sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
	fmt.Printf("%.0f %.1f %.1f\n", float64(len(all))/elapsed.Seconds(), micros(all[len(all)/2]), micros(all[len(all)*99/100]))
}

func micros(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000
}
