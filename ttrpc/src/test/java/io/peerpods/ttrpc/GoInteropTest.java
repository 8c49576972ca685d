package io.peerpods.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Metadata;
import io.grpc.ServerInterceptors;
import io.grpc.stub.MetadataUtils;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.testing.NeedsProgram;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Both directions with containerd's own Go implementation (1.1.1 of Debian, which is unary). */
@Timeout(300)
@NeedsProgram("go")
@EnabledIf(
        value = "io.peerpods.ttrpc.GoPeer#libraryIsThere",
        disabledReason = "containerd's Go ttrpc is not there: apt-get install golang-github-containerd-ttrpc-dev")
@SuppressWarnings("NullAway.Init")
class GoInteropTest {
    @TempDir
    static Path built;

    private static GoPeer peer;

    @BeforeAll
    static void build() throws Exception {
        peer = GoPeer.build(built);
    }

    @TempDir
    Path dir;

    @Test
    void aGoClientIsServed() throws Exception {
        Path socket = dir.resolve("java");
        TestHypervisor service = new TestHypervisor();
        try (TtrpcServer server = TtrpcServer.builder()
                .addService(ServerInterceptors.intercept(service, service))
                .listen(UnixDomainSocketAddress.of(socket))) {
            List<String> seen = new ArrayList<>(peer.run("check", socket));
            // Either the client's own timer is first or the server's answer.
            seen.replaceAll(line -> line.replace("rpc error: code = DeadlineExceeded desc = ", ""));
            assertThat(seen)
                    .containsExactly(
                            "version: java-1 <nil>",
                            "create: one /n containerd-namespace-ttrpc:k8s.io,k=ü,many:a+b <nil>",
                            "start: rpc error: code = FailedPrecondition desc = no way for ok",
                            "status: rpc error: code = FailedPrecondition desc = no way for status",
                            "plain: rpc error: code = Unknown desc = a plain error",
                            "method: rpc error: code = Unimplemented desc = method Nothing",
                            "service: rpc error: code = Unimplemented desc = service no.Service",
                            "timeout: context deadline exceeded",
                            "large: true <nil>",
                            "concurrent: 0 wrong",
                            "closed: ttrpc: closed");
            assertThat(service.stopped.take()).isEqualTo("slow: DEADLINE_EXCEEDED");
            assertThat(service.stopped.take()).isEqualTo("hang: CANCELLED");
            assertThat(server.connections()).isZero();
        }
    }

    @Test
    void aGoServerIsCalled() throws Exception {
        Path socket = dir.resolve("go");
        Process server = peer.serve(socket);
        try (TtrpcChannel channel = TtrpcChannel.connect(UnixDomainSocketAddress.of(socket))) {
            var stub = HypervisorGrpc.newBlockingStub(channel);
            assertThat(stub.version(VersionRequest.newBuilder().setVersion("1").build())
                            .getVersion())
                    .isEqualTo("go-1");
            Metadata metadata = new Metadata();
            metadata.put(Metadata.Key.of("Kube-Pod", Metadata.ASCII_STRING_MARSHALLER), "a");
            metadata.put(Metadata.Key.of("kube-pod", Metadata.ASCII_STRING_MARSHALLER), "b");
            assertThat(stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
                            .withDeadlineAfter(1, TimeUnit.HOURS)
                            .createVM(CreateVMRequest.newBuilder()
                                    .setId("one")
                                    .setNetworkNamespacePath("/n")
                                    .putAnnotations("k", "ü")
                                    .build())
                            .getAgentSocketPath())
                    .isEqualTo("one /n k=ü,kube-pod:a+b,deadline");
            assertThat(stub.startVM(StartVMRequest.getDefaultInstance())).isNotNull();
            assertThatThrownBy(() -> stub.startVM(
                            StartVMRequest.newBuilder().setId("status").build()))
                    .hasMessage("FAILED_PRECONDITION: no way for status");
            assertThatThrownBy(() -> stub.startVM(
                            StartVMRequest.newBuilder().setId("plain").build()))
                    .hasMessage("UNKNOWN: a plain error");
            assertThatThrownBy(() -> stub.withDeadlineAfter(200, TimeUnit.MILLISECONDS)
                            .stopVM(StopVMRequest.getDefaultInstance()))
                    .hasMessageStartingWith("DEADLINE_EXCEEDED");
            String large = "x".repeat(3 << 20);
            assertThat(stub.version(VersionRequest.newBuilder()
                                    .setVersion(large)
                                    .build())
                            .getVersion())
                    .isEqualTo("go-" + large);
            manyAtOnce(stub);
        } finally {
            server.getOutputStream().close();
            if (!server.waitFor(60, TimeUnit.SECONDS)) {
                server.destroyForcibly();
            }
        }
    }

    private static void manyAtOnce(HypervisorGrpc.HypervisorBlockingStub stub) throws InterruptedException {
        BlockingQueue<String> wrong = new LinkedBlockingQueue<>();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            String text = "caller " + i;
            callers.add(Thread.startVirtualThread(() -> {
                for (int j = 0; j < 50; j++) {
                    String got = stub.version(
                                    VersionRequest.newBuilder().setVersion(text).build())
                            .getVersion();
                    if (!got.equals("go-" + text)) {
                        wrong.add(got);
                    }
                }
            }));
        }
        for (Thread caller : callers) {
            caller.join();
        }
        assertThat(wrong).isEmpty();
    }
}
