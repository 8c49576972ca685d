package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.peerpods.config.tls.CertificateAuthority;
import io.peerpods.config.tls.Credentials;
import io.peerpods.linux.Netns;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.StopVMResponse;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.proto.hypervisor.VersionResponse;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import java.net.ServerSocket;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What else an adaptor offers beside Kata's socket, and what stops it from offering it. */
@NeedsRoot
@NeedsProgram({"nft", "nsenter"})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ServicesTest {

    private TestWorker worker;
    private AdaptorProcess adaptor;
    private EventLoopGroup loops;

    @BeforeAll
    void start() throws Exception {
        worker = TestWorker.open();
        loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        adaptor = worker.adaptor(
                "-grpc-listen=unix:" + worker.directory().resolve("g.sock"),
                "-metrics-listen=127.0.0.1:0",
                "-probe-port=0");
    }

    @AfterAll
    void end() throws Exception {
        worker.close();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).await();
    }

    private interface Call<T> {
        T on(ManagedChannel channel) throws Exception;
    }

    private <T> T byGrpc(Call<T> call) throws Exception {
        ManagedChannel channel = NettyChannelBuilder.forAddress(
                        UnixDomainSocketAddress.of(worker.directory().resolve("g.sock")))
                .channelType(NioDomainSocketChannel.class)
                .eventLoopGroup(loops)
                .usePlaintext()
                .build();
        try {
            return call.on(channel);
        } finally {
            channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void theSameServicesAreThereByGrpc() throws Exception {
        VersionResponse version = byGrpc(channel -> HypervisorGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Duration.ofMinutes(1))
                .version(VersionRequest.getDefaultInstance()));
        assertThat(version.getVersion()).isEqualTo(AdaptorProgram.version()).doesNotContain("$");
        StatusRuntimeException refused = catchThrowableOfType(
                StatusRuntimeException.class,
                () -> byGrpc(channel -> HypervisorGrpc.newBlockingStub(channel)
                        .withDeadlineAfter(Duration.ofMinutes(1))
                        .stopVM(StopVMRequest.newBuilder().setId("../x").build())));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(worker.directory().resolve("g.sock"))))
                .isEqualTo("rw-------");
    }

    @Test
    void healthAndReflectionAreStandard() throws Exception {
        var health = byGrpc(channel -> HealthGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Duration.ofMinutes(1))
                .check(HealthCheckRequest.newBuilder()
                        .setService("hypervisor.Hypervisor")
                        .build()));
        assertThat(health.getStatus()).isEqualTo(ServingStatus.SERVING);
        ServerReflectionResponse listed = byGrpc(channel -> {
            CompletableFuture<ServerReflectionResponse> answer = new CompletableFuture<>();
            StreamObserver<ServerReflectionRequest> ask = ServerReflectionGrpc.newStub(channel)
                    .serverReflectionInfo(new StreamObserver<>() {
                        @Override
                        public void onNext(ServerReflectionResponse value) {
                            answer.complete(value);
                        }

                        @Override
                        public void onError(Throwable e) {
                            answer.completeExceptionally(e);
                        }

                        @Override
                        public void onCompleted() {}
                    });
            ask.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
            ServerReflectionResponse got = answer.get(60, TimeUnit.SECONDS);
            ask.onCompleted();
            return got;
        });
        assertThat(listed.getListServicesResponse().getServiceList())
                .extracting(service -> service.getName())
                .contains("hypervisor.Hypervisor", "podvminfo.PodVMInfo", "grpc.health.v1.Health");
    }

    @Test
    void theOldNameOfTheServiceIsServedToo() throws Exception {
        MethodDescriptor<StopVMRequest, StopVMResponse> renamed = HypervisorGrpc.getStopVMMethod().toBuilder()
                .setFullMethodName("remote.Hypervisor/StopVM")
                .build();
        StopVMRequest request = StopVMRequest.newBuilder().setId("unknown").build();
        assertThat(adaptor.call((Channel channel) ->
                        ClientCalls.blockingUnaryCall(channel, renamed, io.grpc.CallOptions.DEFAULT, request)))
                .isEqualTo(StopVMResponse.getDefaultInstance());
    }

    @Test
    void probesAndMetricsAnswer() throws Exception {
        String probes = adaptor.logged("probes on ");
        assertThat(worker.get(probes + "/startup")).isEqualTo("200 ok\n");
        assertThat(worker.get(probes + "/healthz")).isEqualTo("200 ok\n");
        assertThat(worker.get(probes + "/nothing")).startsWith("404");
        assertThat(worker.get(adaptor.logged("metrics on ") + "/metrics"))
                .startsWith("200 ")
                .contains(
                        "peerpods_sandboxes{state=\"ready\"} 0",
                        "peerpods_starts_total{result=\"ok\"} 0",
                        "peerpods_create_vm_seconds_count 0",
                        "jvm_heap_used_bytes");
    }

    @Test
    void grpcOverTcpWantsTheCallersCertificate() throws Exception {
        Path directory = Files.createDirectory(worker.directory().resolve("tls"));
        CertificateAuthority authority = CertificateAuthority.create();
        Credentials server = authority.issue("localhost");
        Credentials client = CertificateAuthority.client();
        Path certificate = Files.writeString(directory.resolve("crt"), server.certificatePem());
        Path key = Files.writeString(directory.resolve("key"), server.keyPem());
        Path clients = Files.writeString(directory.resolve("ca"), client.certificatePem());
        Path authorityPem = Files.writeString(directory.resolve("server-ca"), Credentials.pem(authority.trusted()));
        Path clientKey = Files.writeString(directory.resolve("client-key"), client.keyPem());
        try (AdaptorProcess tcp = worker.begin(
                        Map.of(),
                        "-socket=" + directory.resolve("h.sock"),
                        "-state-dir=" + directory.resolve("state"),
                        "-node-name=other",
                        "-grpc-listen=127.0.0.1:0",
                        "-grpc-cert-file=" + certificate,
                        "-grpc-cert-key=" + key,
                        "-grpc-ca-file=" + clients)
                .awaitReady()) {
            String where = tcp.logged("serving gRPC on /");
            int port = Integer.parseInt(where.substring(where.lastIndexOf(':') + 1));
            TlsChannelCredentials.Builder known = TlsChannelCredentials.newBuilder()
                    .trustManager(authorityPem.toFile())
                    .keyManager(clients.toFile(), clientKey.toFile());
            TlsChannelCredentials.Builder unknown =
                    TlsChannelCredentials.newBuilder().trustManager(authorityPem.toFile());
            assertThat(versionOver(port, known)).isEqualTo(Status.Code.OK);
            assertThat(versionOver(port, unknown)).isEqualTo(Status.Code.UNAVAILABLE);
        }
    }

    /** One call over TCP inside the worker's namespace, from a thread of netty's that is there. */
    private Status.Code versionOver(int port, TlsChannelCredentials.Builder credentials) throws Exception {
        try (Netns netns = Netns.open(worker.netns().path())) {
            return netns.call(() -> {
                // A loop's one thread is made by this thread, and inherits its namespace.
                EventLoopGroup inside = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
                ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", port, credentials.build())
                        .overrideAuthority("localhost")
                        .channelType(io.netty.channel.socket.nio.NioSocketChannel.class)
                        .eventLoopGroup(inside)
                        .directExecutor()
                        .build();
                try {
                    inside.next().submit(() -> true).await();
                    var _ = HypervisorGrpc.newBlockingStub(channel)
                            .withDeadlineAfter(Duration.ofMinutes(1))
                            .version(VersionRequest.getDefaultInstance());
                    return Status.Code.OK;
                } catch (StatusRuntimeException e) {
                    return e.getStatus().getCode();
                } finally {
                    channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
                    inside.shutdownGracefully(0, 1, TimeUnit.SECONDS).await();
                }
            });
        }
    }

    @Test
    void whatCannotBeServedStopsTheStartBeforeKatasSocketIsThere() throws Exception {
        try (ServerSocket taken = worker.occupy("127.0.0.1", 0)) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            assertRefused("METRICS_LISTEN", "-metrics-listen=" + address);
            assertRefused("PROBE_PORT", "-probe-port=" + taken.getLocalPort());
        }
        assertRefused("GRPC_LISTEN", "-grpc-listen=unix:" + worker.directory().resolve("g.sock"));
        assertRefused("no interface eth7", "-host-interface=eth7");
        assertRefused("CLOUD_CONFIG_VERIFY", "-cloud-config-verify", "-test-finding=ERROR");
    }

    private void assertRefused(String part, String... flags) throws Exception {
        Path directory = Files.createTempDirectory(worker.directory(), "r");
        List<String> all = new java.util.ArrayList<>(List.of(
                "-socket=" + directory.resolve("h.sock"),
                "-state-dir=" + directory.resolve("state"),
                "-node-name=other"));
        all.addAll(List.of(flags));
        try (AdaptorProcess refused = worker.begin(Map.of(), all.toArray(String[]::new))) {
            assertThat(refused.awaitExit()).as(refused.output()).isEqualTo(1);
            assertThat(refused.output().lines().filter(line -> line.startsWith("adaptor: ")))
                    .singleElement()
                    .asString()
                    .contains(part);
            assertThat(refused.output()).doesNotContain("serving Kata", "\tat ");
            assertThat(directory.resolve("h.sock")).doesNotExist();
        }
    }

    @Test
    void leftoversOfTheGoAdaptorStopTheStartUntilTheirRemovalIsAskedFor() throws Exception {
        List<String> leftovers = List.of("ppvxlan1", "ppvxlan2");
        // Only looks like one in part: a name, a state, a kind.
        List<String> others = List.of("xppvxlan3", "ppvxlan4x", "ppvxlan5", "ppvxlan6", "ppvxlan7", "ppvxlan8");
        tunnel("ppvxlan1", 555001, "remote", "10.99.0.1", "dstport", "4789");
        tunnel("ppvxlan2", 7, "remote", "10.99.0.2", "dstport", "8472");
        tunnel("xppvxlan3", 23, "remote", "10.99.0.3", "dstport", "4789");
        tunnel("ppvxlan4x", 24, "remote", "10.99.0.4", "dstport", "4789");
        tunnel("ppvxlan5", 25, "remote", "10.99.0.5", "dstport", "4789");
        worker.netns().exec("ip", "link", "set", "ppvxlan5", "up");
        tunnel("ppvxlan6", 26, "dstport", "4789");
        worker.netns().exec("ip", "link", "add", "ppvxlan7", "type", "bridge");
        tunnel("ppvxlan8", 28, "remote", "10.99.0.8", "dstport", "4789");
        worker.netns().exec("ip", "link", "set", "ppvxlan8", "alias", "mine");
        try {
            assertRefused("ip link del ppvxlan1");
            assertRefused("-remove-foreign-tunnels");
            assertThat(links()).containsAll(leftovers).containsAll(others);
            Path directory = Files.createTempDirectory(worker.directory(), "f");
            try (AdaptorProcess other = worker.begin(
                            Map.of("REMOVE_FOREIGN_TUNNELS", "true"),
                            "-node-name=other",
                            "-socket=" + directory.resolve("h.sock"),
                            "-state-dir=" + directory.resolve("state"))
                    .awaitReady()) {
                assertThat(other.output().lines().filter(line -> line.contains("removed ppvxlan")))
                        .hasSize(2)
                        .anyMatch(line -> line.contains("removed ppvxlan1 (VNI 555001, UDP port 4789, peer 10.99.0.1)"))
                        .anyMatch(line -> line.contains("removed ppvxlan2 (VNI 7, UDP port 8472, peer 10.99.0.2)"));
                assertThat(links()).doesNotContainAnyElementsOf(leftovers).containsAll(others);
            }
        } finally {
            Stream.concat(leftovers.stream(), others.stream())
                    .forEach(link -> worker.netns().tryExec("ip", "link", "del", link));
        }
    }

    private void tunnel(String name, int vni, String... more) {
        List<String> words =
                new ArrayList<>(List.of("ip", "link", "add", name, "type", "vxlan", "id", String.valueOf(vni)));
        words.addAll(List.of(more));
        worker.netns().exec(words.toArray(String[]::new));
    }

    private List<String> links() {
        return worker.netns()
                .exec("ip", "-o", "link")
                .lines()
                .map(line -> line.replaceFirst("^[0-9]+: ([^:@]+).*", "$1"))
                .toList();
    }

    @Test
    void somebodyElsesVxlanOnThePortStopsTheStart() throws Exception {
        worker.netns().exec("ip", "link", "add", "cni0vx", "type", "vxlan", "external", "dstport", "4789");
        try {
            worker.netns().exec("ip", "link", "set", "cni0vx", "up");
            assertRefused("cni0vx");
            assertRefused("such as 4790");
        } finally {
            worker.netns().exec("ip", "link", "del", "cni0vx");
        }
    }
}
