package io.peerpods.ttrpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.ServerInterceptors;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.ttrpc.io.IoThread;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Opaque calls through a server and a channel on one thread, with TLS between them and the real server. */
@Timeout(120)
@SuppressWarnings("NullAway.Init")
class PassThroughTest {
    @TempDir
    Path dir;

    @TempDir
    Path keys;

    private final TestHypervisor hypervisor = new TestHypervisor();
    private final TestStreams streams = new TestStreams();
    private TtrpcServer agent;
    private IoThread io;
    private TtrpcChannel upstream;
    private TtrpcServer relay;

    @BeforeEach
    void start() throws IOException {
        var tls = TestCertificates.selfSigned(keys, "k");
        agent = TtrpcServer.builder()
                .addService(ServerInterceptors.intercept(hypervisor, hypervisor))
                .addService(streams.definition())
                .tls(tls)
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        io = IoThread.start("relay");
        upstream = TtrpcChannel.builder().tls(tls).ioThread(io).connect(agent.address());
        relay = TtrpcServer.builder()
                .fallback(PassThrough.to(upstream))
                .direct(method -> true)
                .ioThread(io)
                .listen(UnixDomainSocketAddress.of(dir.resolve("s")));
    }

    @AfterEach
    void stop() {
        hypervisor.release.countDown();
        relay.close();
        upstream.close();
        io.close();
        agent.close();
    }

    @Test
    void carriesCodesMessagesAndDetailsUnchanged() throws IOException {
        try (RawPeer shim = new RawPeer(relay.address())) {
            shim.call(1, RawPeer.request(TestHypervisor.SERVICE, "StartVM", start("details")));
            assertThat(shim.read().response().getStatus()).isEqualTo(TestHypervisor.DETAILS);
            shim.call(3, RawPeer.request(TestHypervisor.SERVICE, "StartVM", start("odd")));
            assertThat(shim.read().response().getStatus()).isEqualTo(TestHypervisor.ODD);
            shim.call(5, RawPeer.request(TestHypervisor.SERVICE, "Other", start("")));
            assertThat(shim.read().message()).isEqualTo("method Other");
            shim.call(7, RawPeer.request(TestHypervisor.SERVICE, "StartVM", start("")));
            assertThat(shim.read().body()).isEmpty();
        }
    }

    @Test
    void carriesAnyNumberOfHangingCallsBesideOthers() throws Exception {
        try (RawPeer shim = new RawPeer(relay.address())) {
            int hanging = 500;
            for (int i = 0; i < hanging; i++) {
                shim.call(2 * i + 1, RawPeer.request(TestHypervisor.SERVICE, "StopVM", stop("held " + i)));
            }
            for (int i = 0; i < 20; i++) {
                int id = 10_001 + 2 * i;
                shim.call(id, RawPeer.request(TestHypervisor.SERVICE, "Version", VersionRequest.getDefaultInstance()));
                assertThat(shim.read().streamId()).isEqualTo(id);
            }
            hypervisor.release.countDown();
            for (int i = 0; i < hanging; i++) {
                assertThat(shim.read().code()).isZero();
            }
        }
    }

    @Test
    void carriesStreams() throws Exception {
        try (TtrpcChannel shim = TtrpcChannel.connect(relay.address())) {
            List<String> listed = new ArrayList<>();
            ClientCalls.blockingServerStreamingCall(shim, TestStreams.LIST, CallOptions.DEFAULT, "300")
                    .forEachRemaining(listed::add);
            assertThat(listed).hasSize(300).last().isEqualTo("message 299");
            BlockingQueue<String> answers = new LinkedBlockingQueue<>();
            BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
            StreamObserver<String> chat = ClientCalls.asyncBidiStreamingCall(
                    shim.newCall(TestStreams.CHAT, CallOptions.DEFAULT), new StreamingTest.Collector<>(answers, ends));
            chat.onNext("one");
            assertThat(answers.take()).isEqualTo("re: one");
            chat.onCompleted();
            assertThat(ends.take().isOk()).isTrue();
            StreamObserver<String> collect = ClientCalls.asyncClientStreamingCall(
                    shim.newCall(TestStreams.COLLECT, CallOptions.DEFAULT),
                    new StreamingTest.Collector<>(answers, ends));
            collect.onNext("a");
            collect.onNext("b");
            collect.onCompleted();
            assertThat(answers.take()).isEqualTo("a+b");
            assertThat(ends.take().isOk()).isTrue();
        }
    }

    @Test
    void hasNoCancelFrameButCarriesTheDeadline() throws Exception {
        try (RawPeer shim = new RawPeer(relay.address())) {
            shim.call(
                    1,
                    RawPeer.request(TestHypervisor.SERVICE, "StopVM", stop("late"))
                            .setTimeoutNano(100_000_000));
            assertThat(shim.read().message()).isEqualTo("context deadline exceeded");
            assertThat(hypervisor.stopped.take()).isEqualTo("late: DEADLINE_EXCEEDED");
        }
    }

    private static StartVMRequest start(String id) {
        return StartVMRequest.newBuilder().setId(id).build();
    }

    private static StopVMRequest stop(String id) {
        return StopVMRequest.newBuilder().setId(id).build();
    }
}
