package io.peerpods.relay;

import com.google.protobuf.ByteString;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Plays the shim: raw frames with stream ids of the test's choice, answers by stream id. */
final class Caller implements AutoCloseable {

    private final RawFrames frames;
    private final Map<Integer, CompletableFuture<byte[]>> answers = new ConcurrentHashMap<>();
    private volatile boolean ended;

    private Caller(RawFrames frames) {
        this.frames = frames;
    }

    static Caller connect(Path socket) throws IOException {
        Caller caller = new Caller(RawFrames.connect(socket));
        Thread.startVirtualThread(caller::read);
        return caller;
    }

    static byte[] request(String service, String method, byte[] payload, long timeoutNanos) {
        return Request.newBuilder()
                .setService(service)
                .setMethod(method)
                .setPayload(ByteString.copyFrom(payload))
                .setTimeoutNano(timeoutNanos)
                .build()
                .toByteArray();
    }

    CompletableFuture<byte[]> send(int stream, byte[] body) throws IOException {
        return sendRaw(stream, Frame.of(stream, Frame.REQUEST, 0, body));
    }

    synchronized CompletableFuture<byte[]> sendRaw(int stream, byte[] bytes) throws IOException {
        CompletableFuture<byte[]> answer = answers.computeIfAbsent(stream, s -> new CompletableFuture<>());
        frames.write(bytes);
        return answer;
    }

    /** The answer's body as it came. */
    byte[] call(int stream, byte[] body) throws Exception {
        return send(stream, body).get(Eventually.LONG.toSeconds(), TimeUnit.SECONDS);
    }

    Response call(int stream, String service, String method) throws Exception {
        return Response.parseFrom(call(stream, request(service, method, new byte[0], 0)));
    }

    static Response await(CompletableFuture<byte[]> answer) throws Exception {
        return Response.parseFrom(answer.get(Eventually.LONG.toSeconds(), TimeUnit.SECONDS));
    }

    boolean hasEnded() {
        return ended;
    }

    @Override
    public void close() {
        frames.close();
    }

    private void read() {
        try {
            for (RawFrames.Received frame = frames.next(); frame != null; frame = frames.next()) {
                CompletableFuture<byte[]> answer = answers.remove(frame.stream());
                if (answer != null) {
                    answer.complete(frame.body());
                }
            }
        } catch (IOException closed) {
            // The test looks at hasEnded.
        } finally {
            ended = true;
        }
    }
}
