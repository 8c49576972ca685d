package io.peerpods.ttrpc;

import static io.peerpods.ttrpc.RawPeer.request;
import static io.peerpods.ttrpc.TestHypervisor.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.filter.ThresholdFilter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.protobuf.ByteString;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.proto.ttrpc.KeyValue;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.io.Limits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/**
 * Millions of frames, most of them wrong, from a printed seed, in a JVM of 64 MiB (the module's pom sees to that). The
 * server must still serve a good client in between and at the end, and hold nothing afterwards. Settings:
 * {@code -Dfuzz.seed}, {@code -Dfuzz.frames}.
 */
@Tag("fuzz")
@Timeout(900)
@SuppressWarnings("NullAway.Init")
class HostileInputFuzzTest {
    private static final int FRAMES_A_CONNECTION = 5_000;

    @TempDir
    Path dir;

    private final TestHypervisor hypervisor = new TestHypervisor();

    @Test
    void millionsOfHostileFramesLeaveAServerThatServes() throws Exception {
        long seed = Long.getLong("fuzz.seed", System.nanoTime());
        long frames = Long.getLong("fuzz.frames", 5_000_000);
        System.out.println("fuzz seed " + seed + ", " + frames + " frames, heap "
                + (Runtime.getRuntime().maxMemory() >> 20) + " MiB");
        SplittableRandom random = new SplittableRandom(seed);
        List<byte[]> corpus = corpus();
        // Small limits: the heap is to hold what they allow, and no more than that.
        Limits limits = Limits.local()
                .withQueuedBytes(Frame.MAX_DATA * 2)
                .withReceivedBytes(8 << 20)
                .withStreams(2048);
        long begun = System.nanoTime();
        ListAppender<ILoggingEvent> errors = errors();
        try (TtrpcServer server = TtrpcServer.builder()
                .addService(ServerInterceptors.intercept(hypervisor, hypervisor))
                .addService(streams())
                .direct(method -> !method.getFullMethodName().endsWith("StopVM"))
                .limits(limits)
                .listen(UnixDomainSocketAddress.of(dir.resolve("s")))) {
            for (long sent = 0; sent < frames; ) {
                sent += attack(server, random.split(), corpus);
                serves(server);
                hypervisor.begun.clear();
                hypervisor.stopped.clear();
            }
            while (server.connections() > 0) {
                Thread.sleep(10);
            }
        }
        assertThat(errors.list).isEmpty();
        System.out.println("fuzz took " + (System.nanoTime() - begun) / 1_000_000 + " ms");
    }

    /** What is logged as an error from now on: a fault of the server's own. */
    private static ListAppender<ILoggingEvent> errors() {
        ListAppender<ILoggingEvent> errors = new ListAppender<>();
        ThresholdFilter only = new ThresholdFilter();
        only.setLevel("ERROR");
        only.start();
        errors.addFilter(only);
        errors.start();
        ((Logger) LoggerFactory.getLogger("io.peerpods.ttrpc")).addAppender(errors);
        return errors;
    }

    /** Streams of every kind whose handlers keep nothing: what memory there is in use is the server's. */
    private static ServerServiceDefinition streams() {
        return ServerServiceDefinition.builder("test.Fuzz")
                .addMethod(
                        Opaque.method("test.Fuzz/List", MethodType.SERVER_STREAMING),
                        ServerCalls.asyncServerStreamingCall((message, answer) -> {
                            answer.onNext(message);
                            answer.onNext(message);
                            answer.onCompleted();
                        }))
                .addMethod(
                        Opaque.method("test.Fuzz/Sink", MethodType.CLIENT_STREAMING),
                        ServerCalls.asyncClientStreamingCall(answer -> new Ends(answer, false)))
                .addMethod(
                        Opaque.method("test.Fuzz/Echo", MethodType.BIDI_STREAMING),
                        ServerCalls.asyncBidiStreamingCall(answer -> new Ends(answer, true)))
                .build();
    }

    private record Ends(StreamObserver<byte[]> answer, boolean echo) implements StreamObserver<byte[]> {
        @Override
        public void onNext(byte[] message) {
            if (echo) {
                answer.onNext(message);
            }
        }

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onCompleted() {
            if (!echo) {
                answer.onNext(new byte[0]);
            }
            answer.onCompleted();
        }
    }

    /** One connection: frames of every kind, then an end in the middle of something. Returns how many were sent. */
    private static int attack(TtrpcServer server, SplittableRandom random, List<byte[]> corpus) throws Exception {
        int sent = 0;
        Thread reader;
        try (SocketChannel socket = SocketChannel.open(server.address())) {
            reader = Thread.ofPlatform().start(() -> drain(socket));
            ByteBuffer out = ByteBuffer.allocateDirect(256 << 10);
            try {
                for (; sent < FRAMES_A_CONNECTION; sent++) {
                    byte[] frame = frame(random, corpus);
                    if (frame.length > out.remaining()) {
                        write(socket, out);
                    }
                    if (frame.length > out.capacity()) {
                        write(socket, ByteBuffer.wrap(frame).position(frame.length));
                    } else {
                        out.put(frame);
                    }
                }
                byte[] cut = frame(random, corpus);
                write(socket, out);
                out.put(cut, 0, Math.min(out.capacity(), random.nextInt(cut.length)));
                write(socket, out);
                if (random.nextBoolean()) {
                    socket.shutdownOutput();
                    reader.join();
                }
            } catch (IOException dropped) {
                // The server may drop a peer like this one.
            }
        }
        reader.join();
        return sent;
    }

    private static void write(SocketChannel socket, ByteBuffer filled) throws IOException {
        filled.flip();
        while (filled.hasRemaining()) {
            socket.write(filled);
        }
        filled.clear();
    }

    private static void drain(SocketChannel socket) {
        ByteBuffer in = ByteBuffer.allocateDirect(256 << 10);
        try {
            while (socket.read(in.clear()) >= 0) {
                // Answers to nonsense.
            }
        } catch (IOException closed) {
            // So it is over.
        }
    }

    private static byte[] frame(SplittableRandom random, List<byte[]> corpus) {
        byte[] frame = switch (random.nextInt(100_000)) {
            case 0 -> new byte[Frame.HEADER + Frame.MAX_DATA + 1 + random.nextInt(100)];
            case 1, 2 -> new byte[Frame.HEADER + Frame.MAX_DATA - random.nextInt(3)];
            default -> ordinary(random, corpus);
        };
        int length = frame.length - Frame.HEADER;
        byte[] header = Frame.allocate(0, streamId(random), type(random), random.nextInt(8));
        System.arraycopy(header, 4, frame, 4, 6);
        frame[0] = (byte) (length >>> 24);
        frame[1] = (byte) (length >>> 16);
        frame[2] = (byte) (length >>> 8);
        frame[3] = (byte) length;
        return frame;
    }

    private static byte[] ordinary(SplittableRandom random, List<byte[]> corpus) {
        byte[] body;
        switch (random.nextInt(4)) {
            case 0 -> {
                body = new byte[random.nextInt(64)];
                random.nextBytes(body);
            }
            case 1 -> {
                body = corpus.get(random.nextInt(corpus.size())).clone();
                for (int i = random.nextInt(4); i > 0 && body.length > 0; i--) {
                    body[random.nextInt(body.length)] = (byte) random.nextInt(256);
                }
            }
            case 2 -> {
                byte[] whole = corpus.get(random.nextInt(corpus.size()));
                body = Arrays.copyOf(whole, random.nextInt(whole.length + 1));
            }
            default -> body = corpus.get(random.nextInt(corpus.size()));
        }
        byte[] frame = new byte[Frame.HEADER + body.length];
        System.arraycopy(body, 0, frame, Frame.HEADER, body.length);
        return frame;
    }

    private static int streamId(SplittableRandom random) {
        return switch (random.nextInt(8)) {
            case 0 -> random.nextInt();
            case 1 -> random.nextInt(16);
            default -> 2 * random.nextInt(5000) + 1;
        };
    }

    private static int type(SplittableRandom random) {
        return switch (random.nextInt(16)) {
            case 0 -> random.nextInt(256);
            case 1, 2, 3, 4 -> Frame.DATA;
            default -> Frame.REQUEST;
        };
    }

    /** Requests that mean something, to be sent as they are, cut and changed. */
    private static List<byte[]> corpus() {
        List<byte[]> all = new ArrayList<>();
        for (String method : List.of("Version", "CreateVM", "StartVM", "StopVM", "Nothing")) {
            Request.Builder request = request(
                    SERVICE, method, VersionRequest.newBuilder().setVersion("v").build());
            all.add(request.build().toByteArray());
            all.add(request.setTimeoutNano(1_000_000).build().toByteArray());
            all.add(request.setTimeoutNano(-5).build().toByteArray());
            all.add(request.setTimeoutNano(Long.MAX_VALUE)
                    .addMetadata(KeyValue.newBuilder().setKey("a").setValue("b"))
                    .build()
                    .toByteArray());
        }
        for (String method : List.of("List", "Sink", "Echo")) {
            Request.Builder request =
                    Request.newBuilder().setService("test.Fuzz").setMethod(method);
            all.add(request.build().toByteArray());
            all.add(request.setPayload(ByteString.copyFromUtf8("3")).build().toByteArray());
        }
        return all;
    }

    private static void serves(TtrpcServer server) {
        try (RawPeer good = new RawPeer(server.address())) {
            good.call(1, request(SERVICE, "Version", VersionRequest.getDefaultInstance()));
            assertThat(good.read().code()).isZero();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
