package io.peerpods.relay;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One connection and one call of this process with itself over the loopback, so that the first worker to connect does not wait
 * for what a Java program does on its first TLS handshake (100 to 170 ms).
 */
public final class HandshakeWarmUp {

    private static final Duration LIMIT = Duration.ofSeconds(10);

    private HandshakeWarmUp() {}

    /**
     * Connects and calls with the VM's side of the agent path; its key, versions and cipher suites are the real ones, only the client
     * needs no certificate.
     *
     * @throws IOException when the loopback does not work; the real path may do all the same
     */
    public static void of(Transport server) throws IOException, InterruptedException {
        ForwarderOptions options = ForwarderOptions.of(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        Path.of("/nonexistent"),
                        server.forWarmUp())
                .refusing(Status.UNAVAILABLE.withDescription("a call of the warm-up"));
        try (Forwarder forwarder = Forwarder.listen(options);
                RelayThreads threads = RelayThreads.start(1);
                Upstream upstream = Upstream.open(
                        threads.next(),
                        SocketChannel.open(forwarder.address()),
                        forwarder.address(),
                        server.warmUpClient().engine(),
                        LIMIT,
                        "this process itself")) {
            CountDownLatch answered = new CountDownLatch(1);
            upstream.send(
                    Frame.of(
                            0,
                            Frame.REQUEST,
                            0,
                            Request.newBuilder()
                                    .setService("grpc.Health")
                                    .setMethod("Check")
                                    .build()
                                    .toByteArray()),
                    new Awaited(answered));
            if (!answered.await(LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("no answer from this process itself");
            }
        } catch (Upstream.NotSentException | StatusException e) {
            throw new IOException("the connection with this process itself broke", e);
        }
    }

    private record Awaited(CountDownLatch answered) implements Upstream.Sink {
        @Override
        public void whole(byte[] body) {
            answered.countDown();
        }

        @Override
        public void oversized(long length) {
            answered.countDown();
        }

        @Override
        public void broken(Status why, boolean begun) {
            answered.countDown();
        }
    }
}
