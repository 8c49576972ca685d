package io.peerpods.ttrpc;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerInterceptors;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.frame.StatusMessage;
import io.peerpods.ttrpc.io.IoThread;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Java to Java with generated stubs and streams of every kind, on every transport. */
@Timeout(120)
@ParameterizedClass
@EnumSource
@SuppressWarnings("NullAway.Init")
class StreamingTest {
    enum Transport {
        UNIX,
        TCP,
        TLS,
        /** Handlers on the I/O thread, both sides on the same. */
        DIRECT
    }

    @TempDir
    static Path keys;

    private static SSLContext tls;

    @BeforeAll
    static void makeKeys() throws IOException {
        tls = TestCertificates.selfSigned(keys, "both");
    }

    @TempDir
    Path dir;

    @Parameter
    Transport transport;

    private final TestHypervisor hypervisor = new TestHypervisor();
    private final TestStreams streams = new TestStreams();
    private @Nullable IoThread io;
    private TtrpcServer server;
    private TtrpcChannel channel;

    @BeforeEach
    void connect() throws IOException {
        TtrpcServer.Builder serving = TtrpcServer.builder()
                .addService(ServerInterceptors.intercept(hypervisor, hypervisor))
                .addService(streams.definition());
        TtrpcChannel.Builder calling = TtrpcChannel.builder();
        SocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        switch (transport) {
            case UNIX -> address = UnixDomainSocketAddress.of(dir.resolve("s"));
            case TCP -> {}
            case TLS -> {
                serving.tls(tls);
                calling.tls(tls);
            }
            case DIRECT -> {
                io = IoThread.start("both");
                serving.ioThread(io)
                        .direct(method -> !method.getFullMethodName().endsWith("StopVM")
                                && !method.getFullMethodName().endsWith("Flood"));
                calling.ioThread(io);
            }
        }
        server = serving.listen(address);
        channel = calling.connect(server.address());
    }

    @AfterEach
    void close() {
        channel.close();
        server.close();
        if (io != null) {
            io.close();
        }
        assertThat(server.connections()).isZero();
        assertThat(dir).isEmptyDirectory();
    }

    @Test
    void answersUnaryCallsOfManyCallersAtOnce() throws Exception {
        var stub = HypervisorGrpc.newBlockingStub(channel);
        List<Thread> callers = new ArrayList<>();
        BlockingQueue<String> wrong = new LinkedBlockingQueue<>();
        for (int i = 0; i < 50; i++) {
            int caller = i;
            callers.add(Thread.startVirtualThread(() -> {
                for (int j = 0; j < 50; j++) {
                    String text = caller + "-" + j;
                    String got = stub.version(
                                    VersionRequest.newBuilder().setVersion(text).build())
                            .getVersion();
                    if (!got.equals("java-" + text)) {
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

    @Test
    void carriesMessagesUpToTheLargestFrame() {
        String large = "y".repeat(4_000_000);
        assertThat(ClientCalls.blockingUnaryCall(channel, TestStreams.UNARY, CallOptions.DEFAULT, large))
                .isEqualTo("Y".repeat(4_000_000));
        String tooLarge = "y".repeat(Frame.MAX_DATA);
        assertThatThrownBy(
                        () -> ClientCalls.blockingUnaryCall(channel, TestStreams.UNARY, CallOptions.DEFAULT, tooLarge))
                .hasMessageMatching("RESOURCE_EXHAUSTED: message length \\d+ exceed maximum message size of 4194304");
        assertThat(ClientCalls.blockingUnaryCall(channel, TestStreams.UNARY, CallOptions.DEFAULT, "on"))
                .isEqualTo("ON");
    }

    @Test
    void carriesMetadataDeadlineCodeMessageAndDetails() {
        Metadata metadata = new Metadata();
        metadata.put(Metadata.Key.of("Kube-Pod", Metadata.ASCII_STRING_MARSHALLER), "ns/p");
        var stub = HypervisorGrpc.newBlockingStub(channel)
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
                .withDeadlineAfter(1, TimeUnit.HOURS);
        assertThat(stub.createVM(CreateVMRequest.newBuilder().setId("i").build())
                        .getAgentSocketPath())
                .isEqualTo("i  kube-pod:ns/p,deadline");
        assertThatThrownBy(() ->
                        stub.startVM(StartVMRequest.newBuilder().setId("x").build()))
                .hasMessage("FAILED_PRECONDITION: no way for x");
        StatusRuntimeException detailed = failure(
                () -> stub.startVM(StartVMRequest.newBuilder().setId("details").build()));
        assertThat(requireNonNull(StatusProto.fromThrowable(detailed)).toByteArray())
                .isEqualTo(TestHypervisor.DETAILS.toByteArray());
        StatusRuntimeException odd = failure(
                () -> stub.startVM(StartVMRequest.newBuilder().setId("odd").build()));
        assertThat(odd.getStatus().getCode()).isEqualTo(Status.Code.UNKNOWN);
        assertThat(requireNonNull(odd.getTrailers()).get(StatusMessage.FOREIGN))
                .isEqualTo(TestHypervisor.ODD.toByteArray());
        assertThat(requireNonNull(StatusProto.fromThrowable(odd)).getCode()).isEqualTo(2);
    }

    @Test
    void endsACallAtItsDeadlineOnBothSides() throws Exception {
        var stub = HypervisorGrpc.newBlockingStub(channel).withDeadlineAfter(100, TimeUnit.MILLISECONDS);
        assertThatThrownBy(() ->
                        stub.stopVM(StopVMRequest.newBuilder().setId("late").build()))
                .hasMessageStartingWith("DEADLINE_EXCEEDED");
        assertThat(hypervisor.stopped.take()).isEqualTo("late: DEADLINE_EXCEEDED");
        assertThatThrownBy(() -> stub.version(VersionRequest.getDefaultInstance()))
                .hasMessageStartingWith("DEADLINE_EXCEEDED");
    }

    @Test
    void endsACallOnAClosedChannelUnavailableAlsoWithADeadline() {
        channel.close();
        for (var stub : List.of(
                HypervisorGrpc.newBlockingStub(channel),
                HypervisorGrpc.newBlockingStub(channel).withDeadlineAfter(1, TimeUnit.MINUTES))) {
            assertThatThrownBy(() -> stub.version(VersionRequest.getDefaultInstance()))
                    .hasMessageStartingWith("UNAVAILABLE")
                    .hasMessageContaining("the channel was closed");
        }
    }

    @Test
    void endsACallWithItsContext() throws Exception {
        BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
        Context.CancellableContext context = Context.current().withCancellation();
        context.run(() -> HypervisorGrpc.newStub(channel)
                .stopVM(
                        StopVMRequest.newBuilder().setId("gone").build(),
                        new Collector<>(new LinkedBlockingQueue<>(), ends)));
        assertThat(hypervisor.begun.take()).isEqualTo("gone");
        context.cancel(null);
        assertThat(ends.take().getCode()).isEqualTo(Status.Code.CANCELLED);
        channel.close();
        assertThat(hypervisor.stopped.take()).isEqualTo("gone: CANCELLED");
    }

    @Test
    void streamsFromTheServer() {
        assertThat(list("1000"))
                .isEqualTo(
                        IntStream.range(0, 1000).mapToObj(i -> "message " + i).toList());
        assertThat(list("0")).isEmpty();
        assertThatThrownBy(() -> list("-3")).hasMessage("DATA_LOSS: after 3");
    }

    @Test
    void streamsFromTheClient() throws Exception {
        BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
        StreamObserver<String> out = ClientCalls.asyncClientStreamingCall(
                channel.newCall(TestStreams.COLLECT, CallOptions.DEFAULT), new Collector<>(answers, ends));
        for (String text : List.of("a", "", "c")) {
            out.onNext(text);
        }
        out.onCompleted();
        assertThat(answers.take()).isEqualTo("a++c");
        assertThat(ends.take().isOk()).isTrue();
    }

    @Test
    void streamsBothWaysForAsLongAsBothLike() throws Exception {
        BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
        StreamObserver<String> out = chat(answers, ends);
        for (int i = 0; i < 200; i++) {
            out.onNext("m" + i);
            assertThat(answers.take()).isEqualTo("re: m" + i);
        }
        out.onCompleted();
        assertThat(ends.take().isOk()).isTrue();
        assertThat(streams.ended.take()).isEqualTo("completed");
    }

    @Test
    void tellsAFailingStream() throws Exception {
        BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
        StreamObserver<String> out = chat(new LinkedBlockingQueue<>(), ends);
        out.onNext("fail");
        Status end = ends.take();
        assertThat(end.getCode()).isEqualTo(Status.Code.UNKNOWN);
        assertThat(end.getDescription()).isEqualTo("as asked");
        assertThat(list("2")).hasSize(2);
    }

    @Test
    void endsStreamsWhenEitherSideHangsUp() throws Exception {
        BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        BlockingQueue<Status> ends = new LinkedBlockingQueue<>();
        BlockingQueue<String> causes = new LinkedBlockingQueue<>();
        channel.whenClosed(cause -> causes.add(String.valueOf(cause.getMessage())));
        StreamObserver<String> out = chat(answers, ends);
        out.onNext("here");
        answers.take();
        if (transport == Transport.TCP) {
            server.close();
            assertThat(causes.take()).isNotEmpty();
        } else {
            channel.close();
            assertThat(causes.take()).isEqualTo("the channel was closed");
        }
        assertThat(streams.ended.take()).isEqualTo("cancelled");
        assertThat(ends.take().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(channel.isOpen()).isFalse();
        assertThatThrownBy(() -> list("1")).hasMessageStartingWith("UNAVAILABLE: the connection with ");
    }

    @Test
    void sendsAStreamNoFasterThanItIsTaken() throws Exception {
        BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        var call = channel.newCall(TestStreams.FLOOD, CallOptions.DEFAULT);
        call.start(
                new ClientCall.Listener<>() {
                    @Override
                    public void onMessage(String message) {
                        heard.add(message);
                    }
                },
                new Metadata());
        call.sendMessage("");
        call.halfClose();
        assertThat(streams.ended.take()).isEqualTo("not ready");
        // No message was asked for: the rest of the connection is the stream's victim only when it is full.
        call.request(100);
        for (int i = 0; i < 100; i++) {
            assertThat(heard.take()).hasSize(64 << 10);
        }
        call.cancel("enough", null);
    }

    private StreamObserver<String> chat(BlockingQueue<String> answers, BlockingQueue<Status> ends) {
        return ClientCalls.asyncBidiStreamingCall(
                channel.newCall(TestStreams.CHAT, CallOptions.DEFAULT), new Collector<>(answers, ends));
    }

    private List<String> list(String request) {
        List<String> all = new ArrayList<>();
        ClientCalls.blockingServerStreamingCall(channel, TestStreams.LIST, CallOptions.DEFAULT, request)
                .forEachRemaining(all::add);
        return all;
    }

    private static StatusRuntimeException failure(Runnable call) {
        try {
            call.run();
        } catch (StatusRuntimeException e) {
            return e;
        }
        throw new AssertionError("the call succeeded");
    }

    /** Messages and the end of a call, for a test to wait for. */
    record Collector<T>(BlockingQueue<T> messages, BlockingQueue<Status> ends) implements StreamObserver<T> {
        @Override
        public void onNext(T message) {
            messages.add(message);
        }

        @Override
        public void onError(Throwable failure) {
            ends.add(Status.fromThrowable(failure));
        }

        @Override
        public void onCompleted() {
            ends.add(Status.OK);
        }
    }
}
