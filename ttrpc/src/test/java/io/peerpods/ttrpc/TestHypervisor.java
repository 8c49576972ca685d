package io.peerpods.ttrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.CreateVMResponse;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StartVMResponse;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.StopVMResponse;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.proto.hypervisor.VersionResponse;
import io.peerpods.ttrpc.frame.StatusMessage;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;

/** The service of the tests: what each method does is what {@code src/test/go/serve.go} does. */
final class TestHypervisor extends HypervisorGrpc.HypervisorImplBase implements ServerInterceptor {
    static final String SERVICE = "hypervisor.Hypervisor";
    static final Context.Key<Metadata> HEADERS = Context.key("headers");

    static final io.peerpods.proto.ttrpc.Status DETAILS = io.peerpods.proto.ttrpc.Status.newBuilder()
            .setCode(9)
            .setMessage("with details")
            .addDetails(Any.newBuilder()
                    .setTypeUrl("type.googleapis.com/x.Y")
                    .setValue(ByteString.copyFrom("detail", UTF_8)))
            .build();

    static final io.peerpods.proto.ttrpc.Status ODD = io.peerpods.proto.ttrpc.Status.newBuilder()
            .setCode(77)
            .setMessage("odd")
            .build();

    /** How each StopVM ended. */
    final BlockingQueue<String> stopped = new LinkedBlockingQueue<>();

    /** Lets go of the handlers that a test holds. */
    final CountDownLatch release = new CountDownLatch(1);

    final BlockingQueue<String> begun = new LinkedBlockingQueue<>();

    @Override
    public <Q, P> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, P> call, Metadata headers, ServerCallHandler<Q, P> next) {
        return Contexts.interceptCall(Context.current().withValue(HEADERS, headers), call, headers, next);
    }

    @Override
    public void version(VersionRequest request, StreamObserver<VersionResponse> answer) {
        answer.onNext(VersionResponse.newBuilder()
                .setVersion("java-" + request.getVersion())
                .build());
        answer.onCompleted();
    }

    @Override
    public void createVM(CreateVMRequest request, StreamObserver<CreateVMResponse> answer) {
        List<String> parts = new ArrayList<>();
        request.getAnnotationsMap().forEach((key, value) -> parts.add(key + "=" + value));
        Metadata headers = HEADERS.get();
        for (String key : headers.keys()) {
            List<String> values = new ArrayList<>();
            requireNonNull(headers.getAll(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER)))
                    .forEach(values::add);
            parts.add(key + ":" + String.join("+", values));
        }
        parts.sort(null);
        if (Context.current().getDeadline() != null) {
            parts.add("deadline");
        }
        answer.onNext(CreateVMResponse.newBuilder()
                .setAgentSocketPath(
                        request.getId() + " " + request.getNetworkNamespacePath() + " " + String.join(",", parts))
                .build());
        answer.onCompleted();
    }

    @Override
    public void startVM(StartVMRequest request, StreamObserver<StartVMResponse> answer) {
        switch (request.getId()) {
            case "" -> {
                answer.onNext(StartVMResponse.getDefaultInstance());
                answer.onCompleted();
            }
            case "plain" -> throw new IllegalStateException("a plain error");
            case "told" -> answer.onError(new IOException("a told error"));
            case "argument" -> throw new IllegalArgumentException("a bad argument");
            case "file" -> answer.onError(new NoSuchFileException("/no/such"));
            case "eof" -> throw new UncheckedIOException(new EOFException("ended"));
            case "long" ->
                answer.onError(
                        Status.ABORTED.withDescription("x".repeat(5 << 20)).asException());
            case "details" -> {
                Metadata trailers = new Metadata();
                trailers.put(StatusMessage.DETAILS, DETAILS.toByteArray());
                answer.onError(
                        new StatusRuntimeException(Status.fromCodeValue(9).withDescription("with details"), trailers));
            }
            case "odd" -> {
                Metadata trailers = new Metadata();
                trailers.put(StatusMessage.FOREIGN, ODD.toByteArray());
                answer.onError(new StatusRuntimeException(Status.UNKNOWN.withDescription("odd"), trailers));
            }
            default ->
                answer.onError(Status.FAILED_PRECONDITION
                        .withDescription("no way for " + request.getId())
                        .asRuntimeException());
        }
    }

    /** Waits for the caller to go, or for the test. */
    @Override
    public void stopVM(StopVMRequest request, StreamObserver<StopVMResponse> answer) {
        Context context = Context.current();
        CountDownLatch over = new CountDownLatch(1);
        context.addListener(ignored -> over.countDown(), Runnable::run);
        begun.add(request.getId());
        try {
            if (request.getId().startsWith("held")) {
                release.await();
                answer.onNext(StopVMResponse.getDefaultInstance());
                answer.onCompleted();
                stopped.add(request.getId() + ": released");
            } else {
                over.await();
                boolean late = context.cancellationCause() instanceof TimeoutException;
                stopped.add(request.getId() + (late ? ": DEADLINE_EXCEEDED" : ": CANCELLED"));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
