package io.peerpods.ttrpc;

import static io.peerpods.ttrpc.RawPeer.request;
import static io.peerpods.ttrpc.TestHypervisor.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.ServerInterceptors;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.io.Limits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a peer may take, and that one that takes more harms no other. */
@Timeout(120)
@SuppressWarnings("NullAway.Init")
class LimitsTest {
    private static final Duration SOON = Duration.ofMillis(300);

    @TempDir
    Path dir;

    private final TestHypervisor service = new TestHypervisor();
    private final TestStreams streams = new TestStreams();
    private final List<AutoCloseable> open = new ArrayList<>();
    private TtrpcServer server;

    private TtrpcServer.Builder builder() {
        return TtrpcServer.builder()
                .addService(ServerInterceptors.intercept(service, service))
                .addService(streams.definition());
    }

    private void serve(Limits limits) throws IOException {
        server = builder().limits(limits).listen(UnixDomainSocketAddress.of(dir.resolve("s")));
    }

    private RawPeer peer() throws IOException {
        RawPeer peer = new RawPeer(server.address());
        open.add(peer);
        return peer;
    }

    private TtrpcChannel channel() throws IOException {
        TtrpcChannel channel = TtrpcChannel.connect(server.address());
        open.add(channel);
        return channel;
    }

    @AfterEach
    void stop() throws Exception {
        service.release.countDown();
        for (AutoCloseable one : open) {
            one.close();
        }
        if (server != null) {
            server.close();
            assertThat(server.connections()).isZero();
        }
    }

    @Test
    void refusesAConnectionTooMany() throws IOException {
        serve(Limits.local().withConnections(2));
        RawPeer first = peer();
        RawPeer second = peer();
        works(first);
        works(second);
        peer().awaitEnd();
        works(first);
        second.close();
        // The server learns of the end when it does; until then it refuses.
        while (true) {
            try (RawPeer next = new RawPeer(server.address())) {
                works(next);
                return;
            } catch (IOException stillFull) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void refusesAStreamTooMany() throws Exception {
        serve(Limits.local().withStreams(3));
        RawPeer peer = peer();
        for (int i = 0; i < 3; i++) {
            peer.call(2 * i + 1, stop("held " + i));
            service.begun.take();
        }
        peer.call(7, version());
        RawPeer.Received refused = peer.read();
        assertThat(refused.streamId()).isEqualTo(7);
        assertThat(refused.code()).isEqualTo(8);
        assertThat(refused.message()).isEqualTo("3 calls are in progress on this connection");
        works(peer());
        service.release.countDown();
        for (int i = 0; i < 3; i++) {
            peer.read();
        }
        works(peer);
    }

    @Test
    void refusesMoreBytesOfRequestsThanMayWait() throws Exception {
        serve(Limits.local().withQueuedBytes(Frame.MAX_DATA + Frame.HEADER));
        RawPeer peer = peer();
        String long3 = "held " + "x".repeat(3 << 20);
        peer.call(1, stop(long3));
        service.begun.take();
        peer.call(3, stop(long3));
        RawPeer.Received refused = peer.read();
        assertThat(refused.streamId()).isEqualTo(3);
        assertThat(refused.code()).isEqualTo(8);
        works(peer);
    }

    @Test
    void dropsAConnectionThatStopsInsideAFrame() throws IOException {
        serve(Limits.local().withFrame(SOON));
        RawPeer header = peer();
        header.sendBytes(new byte[] {0, 0, 1});
        RawPeer body = peer();
        body.sendBytes(Frame.allocate(0, 1, 1, 0));
        body.read();
        byte[] cut = Frame.allocate(100, 3, 1, 0);
        body.sendBytes(java.util.Arrays.copyOf(cut, 50));
        RawPeer skipped = peer();
        skipped.sendBytes(new byte[] {-1, -1, -1, -1, 0, 0, 0, 1, 1, 0, 7, 7});
        RawPeer idle = peer();
        works(idle);
        header.awaitEnd();
        body.awaitEnd();
        skipped.awaitEnd();
        works(idle);
    }

    @Test
    void dropsAConnectionThatNeverSendsOnlyWhereThatIsSaid() throws IOException {
        serve(Limits.local().withFirstFrame(SOON));
        RawPeer used = peer();
        works(used);
        RawPeer silent = peer();
        silent.awaitEnd();
        works(used);
        server.close();
        assertThat(Limits.local().firstFrame()).isZero();
        assertThat(Limits.network().firstFrame()).isPositive();
    }

    @Test
    void dropsATlsClientThatDoesNotShakeHands() throws IOException {
        var tls = TestCertificates.selfSigned(dir, "server");
        server = builder()
                .tls(tls)
                .limits(Limits.network().withHandshake(SOON))
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        RawPeer silent = peer();
        RawPeer cut = peer();
        cut.sendBytes(new byte[] {22, 3, 1, 0, 100, 1});
        RawPeer plain = peer();
        plain.sendBytes(RawPeer.frame(1, 1, 0, version().build().toByteString()));
        plain.awaitEnd();
        silent.awaitEnd();
        cut.awaitEnd();
        try (TtrpcChannel good = TtrpcChannel.builder().tls(tls).connect(server.address())) {
            works(good);
        }
    }

    @Test
    void refusesATlsClientWhoseCertificateIsAnothers() throws IOException {
        var tls = TestCertificates.selfSigned(dir, "server");
        var other = TestCertificates.selfSigned(dir, "other");
        server = builder().tls(tls).listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        assertThatThrownBy(() -> TtrpcChannel.builder().tls(other).connect(server.address()))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("no TLS connection with ");
        try (TtrpcChannel good = TtrpcChannel.builder().tls(tls).connect(server.address())) {
            works(good);
        }
    }

    @Test
    void givesUpATlsServerThatDoesNotShakeHands() throws IOException {
        serve(Limits.local());
        assertThatThrownBy(() -> TtrpcChannel.builder()
                        .tls(javax.net.ssl.SSLContext.getDefault())
                        .limits(Limits.local().withHandshake(SOON))
                        .connect(server.address()))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("no TLS connection with ");
    }

    @Test
    void dropsASlowReaderWhoseHandlerDoesNotCareAndServesTheOthers() throws Exception {
        serve(Limits.local().withQueuedBytes(8 << 20));
        RawPeer slow = peer();
        RawPeer other = peer();
        slow.send(
                1,
                Frame.REQUEST,
                Frame.REMOTE_CLOSED,
                Request.newBuilder()
                        .setService("test.Streams")
                        .setMethod("Flood")
                        .setPayload(ByteString.copyFromUtf8("reckless"))
                        .build()
                        .toByteString());
        works(other);
        assertThat(streams.ended.take()).isIn("flood over", "flood cancelled");
        assertThat(streams.ended.take()).isIn("flood over", "flood cancelled");
        works(other);
    }

    @Test
    void dropsAPeerThatTakesNothingForTooLong() throws Exception {
        serve(Limits.local().withStall(SOON));
        RawPeer slow = peer();
        slow.send(
                1,
                Frame.REQUEST,
                Frame.REMOTE_CLOSED,
                Request.newBuilder()
                        .setService("test.Streams")
                        .setMethod("Flood")
                        .build()
                        .toByteString());
        assertThat(streams.ended.take()).isEqualTo("not ready");
        assertThat(streams.ended.take()).isEqualTo("flood cancelled");
        works(peer());
    }

    @Test
    void readsNoMoreRequestsOfAPeerThatTakesNoAnswers() throws Exception {
        serve(Limits.local());
        RawPeer slow = peer();
        slow.socket().configureBlocking(false);
        String large = "y".repeat(256 << 10);
        byte[] call = RawPeer.frame(
                1,
                Frame.REQUEST,
                0,
                request(
                                SERVICE,
                                "Version",
                                VersionRequest.newBuilder().setVersion(large).build())
                        .build()
                        .toByteString());
        // Requests whose answers are not read: at some point the server's side of the socket stays full.
        int sent = 0;
        long quietSince = System.nanoTime();
        ByteBuffer out = ByteBuffer.wrap(call);
        while (sent < 1000 && System.nanoTime() - quietSince < 2_000_000_000L) {
            if (slow.socket().write(out) > 0) {
                quietSince = System.nanoTime();
            }
            if (!out.hasRemaining()) {
                sent++;
                Frame.setStreamId(call, 2 * sent + 1);
                out.rewind();
            }
        }
        assertThat(sent).isLessThan(1000);
        works(peer());
        slow.socket().configureBlocking(true);
        Thread writer = Thread.startVirtualThread(() -> {
            try {
                while (out.hasRemaining()) {
                    slow.socket().write(out);
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        for (int i = 0; i <= sent; i++) {
            assertThat(slow.read().code()).isZero();
        }
        writer.join();
    }

    @Test
    void holdsBackAClientWhoseMessagesNobodyAsksFor() throws Exception {
        serve(Limits.local().withReceivedBytes(1 << 20));
        TtrpcChannel channel = channel();
        BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
        StreamObserver<String> out = ClientCalls.asyncClientStreamingCall(
                channel.newCall(TestStreams.DEAF, CallOptions.DEFAULT),
                new StreamingTest.Collector<>(new LinkedBlockingQueue<>(), ends));
        assertThat(streams.ended.take()).isEqualTo("deaf");
        String large = "z".repeat(1 << 20);
        // The channel's own limit of waiting bytes ends the call: the server has stopped to read.
        while (ends.isEmpty()) {
            out.onNext(large);
        }
        assertThat(ends.take().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        works(channel());
    }

    @Test
    void drainsOnShutdown() throws Exception {
        serve(Limits.local());
        RawPeer busy = peer();
        busy.call(1, stop("held"));
        service.begun.take();
        RawPeer idle = peer();
        works(idle);
        server.shutdown();
        idle.awaitEnd();
        busy.call(3, version());
        assertThat(busy.read().message()).isEqualTo("the server is shutting down");
        assertThat(server.awaitTermination(Duration.ofMillis(1))).isFalse();
        service.release.countDown();
        assertThat(busy.read().streamId()).isEqualTo(1);
        busy.awaitEnd();
        assertThat(server.awaitTermination(Duration.ofMinutes(1))).isTrue();
    }

    @Test
    void keepsItsSocketToItselfAndReplacesOnlyADeadOne() throws IOException {
        Path path = dir.resolve("s");
        serve(Limits.local());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rw-------");
        assertThatThrownBy(() -> builder().listen(UnixDomainSocketAddress.of(path)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("another process serves it");
        works(channel());
        server.close();
        assertThat(path).doesNotExist();
        try (var dead = java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(path));
        }
        assertThat(path).exists();
        serve(Limits.local());
        works(channel());
    }

    private static Request.Builder version() {
        return request(SERVICE, "Version", VersionRequest.getDefaultInstance());
    }

    private static Request.Builder stop(String id) {
        return request(SERVICE, "StopVM", StopVMRequest.newBuilder().setId(id).build());
    }

    private static void works(TtrpcChannel channel) {
        assertThat(HypervisorGrpc.newBlockingStub(channel)
                        .version(VersionRequest.getDefaultInstance())
                        .getVersion())
                .isEqualTo("java-");
    }

    private static void works(RawPeer peer) throws IOException {
        peer.call(0x7fff_fff1, version());
        RawPeer.Received answer = peer.read();
        assertThat(answer.streamId()).isEqualTo(0x7fff_fff1);
        assertThat(answer.code()).isZero();
    }
}
