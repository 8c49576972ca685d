package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
)

const service = "hypervisor.Hypervisor"

func dial(socket string) *ttrpc.Client {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		fail(err.Error())
	}
	return ttrpc.NewClient(conn)
}

// check prints one line for every way of calling; the test knows what each must be.
func check(socket string) {
	client := dial(socket)
	background := context.Background()

	var version VersionResponse
	err := client.Call(background, service, "Version", &VersionRequest{Version: "1"}, &version)
	fmt.Printf("version: %s %v\n", version.Version, err)

	ctx := ttrpc.WithMetadata(background, ttrpc.MD{"containerd-namespace-ttrpc": []string{"k8s.io"}, "many": []string{"a", "b"}})
	var created CreateVMResponse
	err = client.Call(ctx, service, "CreateVM", &CreateVMRequest{Id: "one", Annotations: map[string]string{"k": "ü"}, Netns: "/n"}, &created)
	fmt.Printf("create: %s %v\n", created.AgentSocketPath, err)

	err = client.Call(background, service, "StartVM", &IdRequest{Id: "ok"}, &Empty{})
	fmt.Printf("start: %v\n", err)
	err = client.Call(background, service, "StartVM", &IdRequest{Id: "status"}, &Empty{})
	fmt.Printf("status: %v\n", err)
	err = client.Call(background, service, "StartVM", &IdRequest{Id: "plain"}, &Empty{})
	fmt.Printf("plain: %v\n", err)
	err = client.Call(background, service, "Nothing", &Empty{}, &Empty{})
	fmt.Printf("method: %v\n", err)
	err = client.Call(background, "no.Service", "Nothing", &Empty{}, &Empty{})
	fmt.Printf("service: %v\n", err)

	short, cancel := context.WithTimeout(background, 200*time.Millisecond)
	err = client.Call(short, service, "StopVM", &IdRequest{Id: "slow"}, &Empty{})
	cancel()
	fmt.Printf("timeout: %v\n", err)

	long := strings.Repeat("x", 3<<20)
	version = VersionResponse{}
	err = client.Call(background, service, "Version", &VersionRequest{Version: long}, &version)
	fmt.Printf("large: %v %v\n", version.Version == "java-"+long, err)

	var group sync.WaitGroup
	var lock sync.Mutex
	wrong := 0
	for i := 0; i < 64; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for j := 0; j < 50; j++ {
				want := fmt.Sprintf("%d-%d", i, j)
				var got VersionResponse
				err := client.Call(background, service, "Version", &VersionRequest{Version: want}, &got)
				if err != nil || got.Version != "java-"+want {
					lock.Lock()
					wrong++
					lock.Unlock()
				}
			}
		}(i)
	}
	group.Wait()
	fmt.Printf("concurrent: %d wrong\n", wrong)

	// The last call is given up by hanging up; the test looks at the server.
	waiting := make(chan error)
	go func() {
		waiting <- client.Call(background, service, "StopVM", &IdRequest{Id: "hang"}, &Empty{})
	}()
	time.Sleep(200 * time.Millisecond)
	client.Close()
	fmt.Printf("closed: %v\n", <-waiting)
}
