package io.peerpods.ttrpc;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A service with a method of every kind, whose messages are text. */
final class TestStreams {
    private static final MethodDescriptor.Marshaller<String> TEXT = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(String value) {
            return new Bytes(value.getBytes(UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    };

    private static final class Bytes extends ByteArrayInputStream implements KnownLength {
        Bytes(byte[] bytes) {
            super(bytes);
        }
    }

    static final MethodDescriptor<String, String> UNARY = method("Unary", MethodType.UNARY);
    static final MethodDescriptor<String, String> LIST = method("List", MethodType.SERVER_STREAMING);
    static final MethodDescriptor<String, String> COLLECT = method("Collect", MethodType.CLIENT_STREAMING);
    static final MethodDescriptor<String, String> CHAT = method("Chat", MethodType.BIDI_STREAMING);
    static final MethodDescriptor<String, String> FLOOD = method("Flood", MethodType.SERVER_STREAMING);
    static final MethodDescriptor<String, String> DEAF = method("Deaf", MethodType.CLIENT_STREAMING);

    /** Ends of streams as the handlers see them. */
    final BlockingQueue<String> ended = new LinkedBlockingQueue<>();

    private static MethodDescriptor<String, String> method(String name, MethodType type) {
        return Opaque.method("test.Streams/" + name, type, TEXT);
    }

    ServerServiceDefinition definition() {
        return ServerServiceDefinition.builder("test.Streams")
                .addMethod(UNARY, ServerCalls.asyncUnaryCall((text, answer) -> {
                    answer.onNext(text.toUpperCase(Locale.ROOT));
                    answer.onCompleted();
                }))
                .addMethod(LIST, ServerCalls.asyncServerStreamingCall(TestStreams::list))
                .addMethod(COLLECT, ServerCalls.asyncClientStreamingCall(TestStreams::collect))
                .addMethod(CHAT, ServerCalls.asyncBidiStreamingCall(this::chat))
                .addMethod(FLOOD, ServerCalls.asyncServerStreamingCall(this::flood))
                .addMethod(DEAF, ServerCalls.asyncClientStreamingCall(this::deaf))
                .build();
    }

    /** As many messages as the request says; a negative number fails after that many. */
    private static void list(String request, StreamObserver<String> answer) {
        int count = Integer.parseInt(request);
        for (int i = 0; i < Math.abs(count); i++) {
            answer.onNext("message " + i);
        }
        if (count < 0) {
            answer.onError(Status.DATA_LOSS.withDescription("after " + -count).asException());
        } else {
            answer.onCompleted();
        }
    }

    private static StreamObserver<String> collect(StreamObserver<String> answer) {
        List<String> all = new ArrayList<>();
        return new StreamObserver<>() {
            @Override
            public void onNext(String text) {
                all.add(text);
            }

            @Override
            public void onError(Throwable failure) {}

            @Override
            public void onCompleted() {
                answer.onNext(String.join("+", all));
                answer.onCompleted();
            }
        };
    }

    private StreamObserver<String> chat(StreamObserver<String> answer) {
        ((ServerCallStreamObserver<String>) answer).setOnCancelHandler(() -> ended.add("cancelled"));
        return new StreamObserver<>() {
            @Override
            public void onNext(String text) {
                if (text.equals("fail")) {
                    throw new IllegalStateException("as asked");
                }
                answer.onNext("re: " + text);
            }

            @Override
            public void onError(Throwable failure) {}

            @Override
            public void onCompleted() {
                ended.add("completed");
                answer.onCompleted();
            }
        };
    }

    /** Sends for ever, as fast as the caller takes it (or faster, when the request says "reckless"). */
    private void flood(String request, StreamObserver<String> observer) {
        ServerCallStreamObserver<String> answer = (ServerCallStreamObserver<String>) observer;
        String text = "x".repeat(64 << 10);
        answer.setOnCancelHandler(() -> ended.add("flood cancelled"));
        if (request.equals("reckless")) {
            while (!answer.isCancelled()) {
                answer.onNext(text);
            }
            ended.add("flood over");
            return;
        }
        answer.setOnReadyHandler(() -> {
            while (answer.isReady()) {
                answer.onNext(text);
            }
            ended.add("not ready");
        });
    }

    /** Never asks for a message. */
    private StreamObserver<String> deaf(StreamObserver<String> answer) {
        ((ServerCallStreamObserver<String>) answer).disableAutoRequest();
        ended.add("deaf");
        return new StreamObserver<>() {
            @Override
            public void onNext(String text) {
                ended.add("heard");
            }

            @Override
            public void onError(Throwable failure) {}

            @Override
            public void onCompleted() {}
        };
    }
}
