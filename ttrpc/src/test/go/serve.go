package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// serve answers: Version with "go-" and the version asked for; CreateVM with its own request and metadata, sorted;
// StartVM with the error that its id names; StopVM never before the caller has gone.
func serve(socket string) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		fail(err.Error())
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		fail(err.Error())
	}
	server.Register("hypervisor.Hypervisor", map[string]ttrpc.Method{
		"Version":  version,
		"CreateVM": createVM,
		"StartVM":  startVM,
		"StopVM":   stopVM,
	})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	fail(server.Serve(context.Background(), listener).Error())
}

func version(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var request VersionRequest
	if err := unmarshal(&request); err != nil {
		return nil, err
	}
	return &VersionResponse{Version: "go-" + request.Version}, nil
}

func createVM(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var request CreateVMRequest
	if err := unmarshal(&request); err != nil {
		return nil, err
	}
	var parts []string
	for key, value := range request.Annotations {
		parts = append(parts, key+"="+value)
	}
	metadata, _ := ttrpc.GetMetadata(ctx)
	for key, values := range metadata {
		parts = append(parts, key+":"+strings.Join(values, "+"))
	}
	sort.Strings(parts)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > 0 {
		parts = append(parts, "deadline")
	}
	return &CreateVMResponse{AgentSocketPath: request.Id + " " + request.Netns + " " + strings.Join(parts, ",")}, nil
}

func startVM(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var request IdRequest
	if err := unmarshal(&request); err != nil {
		return nil, err
	}
	switch request.Id {
	case "":
		return &Empty{}, nil
	case "plain":
		return nil, fmt.Errorf("a plain error")
	}
	return nil, status.Errorf(codes.FailedPrecondition, "no way for %s", request.Id)
}

func stopVM(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
