package io.peerpods.tests.bench;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.stub.ClientCalls;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.ReadStreamRequest;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.ttrpc.Opaque;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Kata's shim as far as the figures need it. Every hypervisor call has a connection of its own, as Go's shim makes it. */
final class Shim {
    private static final MethodDescriptor<ByteString, ByteString> CHECK =
            Opaque.method("grpc.Health/Check", MethodType.UNARY, Opaque.byteStrings());
    private static final MethodDescriptor<ByteString, ByteString> READ =
            Opaque.method("grpc.AgentService/ReadStdout", MethodType.UNARY, Opaque.byteStrings());

    private final SocketAddress hypervisor;

    Shim(SocketAddress hypervisor) {
        this.hypervisor = hypervisor;
    }

    /** Calls that change nothing, as often as it takes for this side to be compiled. */
    void warmUp() throws IOException {
        for (int i = 0; i < 200; i++) {
            try (TtrpcChannel channel = TtrpcChannel.connect(hypervisor)) {
                var _ = HypervisorGrpc.newBlockingStub(channel).version(VersionRequest.getDefaultInstance());
            }
        }
    }

    /** Answers the agent's socket. */
    Path create(String id, Path netns) throws IOException {
        try (TtrpcChannel channel = TtrpcChannel.connect(hypervisor)) {
            return Path.of(HypervisorGrpc.newBlockingStub(channel)
                    .createVM(CreateVMRequest.newBuilder()
                            .setId(id)
                            .setNetworkNamespacePath(netns.toString())
                            .putAnnotations("io.kubernetes.cri.sandbox-name", id)
                            .putAnnotations("io.kubernetes.cri.sandbox-namespace", "bench")
                            .putAnnotations("io.katacontainers.config.hypervisor.machine_type", "")
                            .putAnnotations("io.katacontainers.config.hypervisor.image", "")
                            .putAnnotations("io.katacontainers.config.hypervisor.default_vcpus", "0")
                            .putAnnotations("io.katacontainers.config.hypervisor.default_memory", "0")
                            .putAnnotations("io.katacontainers.config.hypervisor.cc_init_data", "")
                            .putAnnotations("io.katacontainers.config.hypervisor.default_gpus", "0")
                            .putAnnotations("io.katacontainers.config.hypervisor.default_gpu_model", "")
                            .build())
                    .getAgentSocketPath());
        }
    }

    void start(String id) throws IOException {
        try (TtrpcChannel channel = TtrpcChannel.connect(hypervisor)) {
            var _ = HypervisorGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(120, TimeUnit.SECONDS)
                    .startVM(StartVMRequest.newBuilder().setId(id).build());
        }
    }

    void stop(String id) throws IOException {
        try (TtrpcChannel channel = TtrpcChannel.connect(hypervisor)) {
            var _ = HypervisorGrpc.newBlockingStub(channel)
                    .stopVM(StopVMRequest.newBuilder().setId(id).build());
        }
    }

    /** One Health/Check over an agent's socket or a relay's. */
    static void check(TtrpcChannel agent) {
        var _ = ClientCalls.blockingUnaryCall(
                agent,
                CHECK,
                CallOptions.DEFAULT,
                CheckRequest.getDefaultInstance().toByteString());
    }

    /** One ReadStdout of that many bytes. */
    static int read(TtrpcChannel agent, int bytes) {
        return ClientCalls.blockingUnaryCall(
                        agent,
                        READ,
                        CallOptions.DEFAULT,
                        ReadStreamRequest.newBuilder()
                                .setContainerId("bench")
                                .setLen(bytes)
                                .build()
                                .toByteString())
                .size();
    }
}
