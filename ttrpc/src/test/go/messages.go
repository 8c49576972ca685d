package main

import "fmt"

// The messages of hypervisor.proto, written by hand: only numbers and types matter on the wire.

type VersionRequest struct {
	Version string `protobuf:"bytes,1,opt,name=version,proto3"`
}

func (m *VersionRequest) Reset()         { *m = VersionRequest{} }
func (m *VersionRequest) String() string { return fmt.Sprintf("%+v", *m) }
func (m *VersionRequest) ProtoMessage()  {}

type VersionResponse struct {
	Version string `protobuf:"bytes,1,opt,name=version,proto3"`
}

func (m *VersionResponse) Reset()         { *m = VersionResponse{} }
func (m *VersionResponse) String() string { return fmt.Sprintf("%+v", *m) }
func (m *VersionResponse) ProtoMessage()  {}

type CreateVMRequest struct {
	Id          string            `protobuf:"bytes,1,opt,name=id,proto3"`
	Annotations map[string]string `protobuf:"bytes,2,rep,name=annotations,proto3" protobuf_key:"bytes,1,opt,name=key,proto3" protobuf_val:"bytes,2,opt,name=value,proto3"`
	Netns       string            `protobuf:"bytes,3,opt,name=networkNamespacePath,proto3"`
}

func (m *CreateVMRequest) Reset()         { *m = CreateVMRequest{} }
func (m *CreateVMRequest) String() string { return fmt.Sprintf("%+v", *m) }
func (m *CreateVMRequest) ProtoMessage()  {}

type CreateVMResponse struct {
	AgentSocketPath string `protobuf:"bytes,1,opt,name=agentSocketPath,proto3"`
}

func (m *CreateVMResponse) Reset()         { *m = CreateVMResponse{} }
func (m *CreateVMResponse) String() string { return fmt.Sprintf("%+v", *m) }
func (m *CreateVMResponse) ProtoMessage()  {}

type IdRequest struct {
	Id string `protobuf:"bytes,1,opt,name=id,proto3"`
}

func (m *IdRequest) Reset()         { *m = IdRequest{} }
func (m *IdRequest) String() string { return fmt.Sprintf("%+v", *m) }
func (m *IdRequest) ProtoMessage()  {}

type Empty struct{}

func (m *Empty) Reset()         { *m = Empty{} }
func (m *Empty) String() string { return "{}" }
func (m *Empty) ProtoMessage()  {}

// HealthCheckResponse of health.proto: 1 is SERVING.
type HealthCheckResponse struct {
	Status int32 `protobuf:"varint,1,opt,name=status,proto3"`
}

func (m *HealthCheckResponse) Reset()         { *m = HealthCheckResponse{} }
func (m *HealthCheckResponse) String() string { return fmt.Sprintf("%+v", *m) }
func (m *HealthCheckResponse) ProtoMessage()  {}
