package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/containerd/ttrpc"
)

// agent serves until it is ended. It starts within milliseconds, as the real kata-agent does.
func agent(socket string) {
	if err := os.MkdirAll(filepath.Dir(socket), 0700); err != nil {
		fail(err.Error())
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		fail(err.Error())
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		fail(err.Error())
	}
	server.Register("grpc.Health", map[string]ttrpc.Method{
		"Check": func(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
			if err := unmarshal(&Empty{}); err != nil {
				return nil, err
			}
			return &HealthCheckResponse{Status: 1}, nil
		},
	})
	fmt.Println("ready")
	fail(server.Serve(context.Background(), listener).Error())
}
