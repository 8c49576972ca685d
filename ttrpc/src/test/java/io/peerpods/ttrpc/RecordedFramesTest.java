package io.peerpods.ttrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.HandlerRegistry;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerMethodDefinition;
import io.grpc.stub.ServerCalls;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.frame.Outgoing;
import io.peerpods.ttrpc.frame.RequestMessage;
import io.peerpods.ttrpc.frame.ResponseMessage;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The frames of one pod's life, as Kata's Go shim and containerd's Go server sent them. */
@Timeout(60)
@SuppressWarnings("NullAway.Init")
class RecordedFramesTest {
    private static final String AGENT = "3-agent.txt";

    @TempDir
    Path dir;

    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Recorded(boolean fromClient, byte[] bytes) {
        int streamId() {
            return Frame.getInt(bytes, 4);
        }

        int type() {
            return bytes[8];
        }

        int flags() {
            return bytes[9];
        }

        byte[] body() {
            byte[] body = new byte[bytes.length - Frame.HEADER];
            System.arraycopy(bytes, Frame.HEADER, body, 0, body.length);
            return body;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"1-create-vm.txt", "2-start-vm.txt", AGENT, "4-stop-vm.txt"})
    void everyFrameIsReadAndWrittenAgainAsItWas(String file) throws Exception {
        List<Recorded> all = recorded(file);
        assertThat(all).isNotEmpty();
        for (Recorded one : all) {
            assertThat(Frame.getInt(one.bytes, 0)).isEqualTo(one.bytes.length - Frame.HEADER);
            byte[] again = one.fromClient ? requestAgain(one) : responseAgain(one);
            assertThat(HexFormat.of().formatHex(again)).isEqualTo(HexFormat.of().formatHex(one.bytes));
        }
    }

    private static byte[] requestAgain(Recorded one) throws Exception {
        assertThat(one.type()).isEqualTo(Frame.REQUEST);
        RequestMessage request = RequestMessage.parse(one.body());
        Request generated = Request.parseFrom(one.body());
        assertThat(request.service()).isEqualTo(generated.getService());
        assertThat(request.method()).isEqualTo(generated.getMethod());
        assertThat(request.timeoutNanos()).isEqualTo(generated.getTimeoutNano());
        assertThat(request.payload().toByteString()).isEqualTo(generated.getPayload());
        byte[] again = RequestMessage.encode(
                request.service(),
                request.method(),
                Outgoing.of(request.payload()),
                request.timeoutNanos(),
                request.metadata(),
                one.flags());
        Frame.setStreamId(again, one.streamId());
        return again;
    }

    private static byte[] responseAgain(Recorded one) throws Exception {
        assertThat(one.type()).isEqualTo(Frame.RESPONSE);
        ResponseMessage response = ResponseMessage.parse(one.body());
        Response generated = Response.parseFrom(one.body());
        assertThat(response.payload().toByteString()).isEqualTo(generated.getPayload());
        assertThat(response.status().status().getCode().value())
                .isEqualTo(generated.getStatus().getCode());
        return response.status().status().isOk()
                ? ResponseMessage.success(one.streamId(), Outgoing.of(response.payload()))
                : ResponseMessage.failure(one.streamId(), response.status());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1-create-vm.txt", "2-start-vm.txt", AGENT, "4-stop-vm.txt"})
    void aPassThroughOfOursGivesTheShimTheSameBytes(String file) throws Exception {
        List<Recorded> all = recorded(file);
        Map<ByteString, byte[]> answers = new ConcurrentHashMap<>();
        Map<Integer, byte[]> expected = new HashMap<>();
        for (Recorded one : all) {
            if (!one.fromClient) {
                expected.put(one.streamId(), one.bytes);
            }
        }
        List<Recorded> answered = new ArrayList<>();
        for (Recorded one : all) {
            byte[] answer = expected.get(one.streamId());
            if (one.fromClient
                    && answer != null
                    && Response.parseFrom(new Recorded(false, answer).body())
                                    .getStatus()
                                    .getCode()
                            == 0) {
                // One payload may be asked twice; then either answer is right only if they are equal.
                byte[] payload = Response.parseFrom(new Recorded(false, answer).body())
                        .getPayload()
                        .toByteArray();
                byte[] before = answers.putIfAbsent(key(one), payload);
                if (before == null) {
                    answered.add(one);
                }
            }
        }
        try (TtrpcServer agent = TtrpcServer.builder()
                        .fallback(registry((method, request) -> requireNonNull(
                                answers.get(ByteString.copyFromUtf8(method).concat(ByteString.copyFrom(request))))))
                        .listen(UnixDomainSocketAddress.of(dir.resolve("agent")));
                TtrpcChannel upstream = TtrpcChannel.connect(agent.address());
                TtrpcServer relay = TtrpcServer.builder()
                        .fallback(PassThrough.to(upstream))
                        .direct(method -> true)
                        .listen(UnixDomainSocketAddress.of(dir.resolve("relay")));
                RawPeer shim = new RawPeer(relay.address())) {
            for (Recorded one : answered) {
                shim.sendBytes(one.bytes);
            }
            for (int i = 0; i < answered.size(); i++) {
                RawPeer.Received answer = shim.read();
                byte[] bytes = RawPeer.frame(
                        answer.streamId(), answer.type(), answer.flags(), ByteString.copyFrom(answer.body()));
                assertThat(bytes).isEqualTo(expected.get(answer.streamId()));
            }
        }
    }

    private static ByteString key(Recorded one) throws Exception {
        RequestMessage request = RequestMessage.parse(one.body());
        return ByteString.copyFromUtf8(request.service() + "/" + request.method())
                .concat(request.payload().toByteString());
    }

    private interface Answers {
        byte[] to(String method, byte[] request);
    }

    private static HandlerRegistry registry(Answers answers) {
        return new HandlerRegistry() {
            @Override
            public ServerMethodDefinition<?, ?> lookupMethod(String method, @Nullable String authority) {
                return ServerMethodDefinition.create(
                        Opaque.method(method, MethodType.UNARY), ServerCalls.asyncUnaryCall((request, answer) -> {
                            answer.onNext(answers.to(method, request));
                            answer.onCompleted();
                        }));
            }
        };
    }

    private static List<Recorded> recorded(String file) throws IOException {
        try (InputStream in = RecordedFramesTest.class.getResourceAsStream("/kata-go-shim/" + file)) {
            return new String(requireNonNull(in, file).readAllBytes(), UTF_8)
                    .lines()
                    .filter(line -> !line.endsWith("EOF"))
                    .map(line -> new Recorded(
                            line.startsWith("C"),
                            HexFormat.of().parseHex(line.substring(2).strip())))
                    .toList();
        }
    }
}
