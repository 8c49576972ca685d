package io.peerpods.ttrpc;

import static io.peerpods.ttrpc.RawPeer.request;
import static io.peerpods.ttrpc.TestHypervisor.SERVICE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.ServerInterceptors;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.proto.hypervisor.VersionResponse;
import io.peerpods.proto.ttrpc.KeyValue;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the server answers to which frame, byte by byte, and that it goes on afterwards. */
@Timeout(120)
@SuppressWarnings("NullAway.Init")
class WireRulesTest {

    /** One frame and the error that it gets. */
    record Rule(String name, int streamId, int type, int flags, ByteString body, int code, String message) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Rule> errors() {
        ByteString version = request(SERVICE, "Version", VersionRequest.getDefaultInstance())
                .build()
                .toByteString();
        ByteString badUtf8 = Request.newBuilder()
                .setService(SERVICE)
                .setMethod("Version")
                .setPayload(ByteString.copyFrom(new byte[] {0x0a, 1, (byte) 0xff}))
                .build()
                .toByteString();
        ByteString truncated = Request.newBuilder()
                .setService(SERVICE)
                .setMethod("Version")
                .setPayload(ByteString.copyFrom(new byte[] {0x0a, 100, 1}))
                .build()
                .toByteString();
        ByteString late = request(SERVICE, "Version", VersionRequest.getDefaultInstance())
                .setTimeoutNano(-1)
                .build()
                .toByteString();
        ByteString tooLarge = ByteString.copyFrom(new byte[Frame.MAX_DATA + 1]);
        String even = "StreamID must be odd for client initiated streams";
        return Stream.of(
                new Rule("an even stream id", 2, 1, 0, version, 3, even),
                new Rule("stream id 0", 0, 1, 0, version, 3, even),
                new Rule("data on an even stream", 4, 3, 0, version, 3, even),
                new Rule("data on a stream that never was", 5, 3, 0, version, 3, "StreamID is no longer active"),
                new Rule("the end of a stream that never was", 7, 3, 5, empty(), 3, "StreamID is no longer active"),
                new Rule("a request of no bytes", 1, 1, 0, empty(), 12, "service "),
                new Rule("an unknown service", 1, 1, 0, named("a.B", "C"), 12, "service a.B"),
                new Rule("an unknown method", 1, 1, 0, named(SERVICE, "C"), 12, "method C"),
                new Rule("a method in other letters", 1, 1, 0, named(SERVICE, "version"), 12, "method version"),
                new Rule("garbage for a request", 1, 1, 0, bytes(0xff, 0xff), 3, "unmarshal request error: "),
                new Rule("a cut request", 1, 1, 0, bytes(0x0a, 50, 1), 3, "unmarshal request error: "),
                new Rule("a name that is not UTF-8", 1, 1, 0, bytes(0x0a, 1, 0xff), 3, "unmarshal request error: "),
                new Rule("a negative length", 1, 1, 0, bytes(0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f), 3, "unmarshal"),
                new Rule("the end of no group", 1, 1, 0, bytes(0x34), 3, "unmarshal request error: "),
                new Rule("a string that is not UTF-8", 1, 1, 0, badUtf8, 13, "ttrpc: error unmarshalling payload: "),
                new Rule("a cut payload", 1, 1, 0, truncated, 13, "ttrpc: error unmarshalling payload: "),
                new Rule("a caller that waits no more", 1, 1, 0, late, 4, "context deadline exceeded"),
                new Rule(
                        "too long by one byte",
                        1,
                        1,
                        0,
                        tooLarge,
                        8,
                        "message length 4194305 exceed maximum message size of 4194304"),
                new Rule("a service's own error", 1, 1, 0, start("x"), 9, "no way for x"),
                new Rule("an exception", 1, 1, 0, start("plain"), 2, "a plain error"),
                new Rule("an exception told to the observer", 1, 1, 0, start("told"), 2, "a told error"),
                new Rule("a bad argument", 1, 1, 0, start("argument"), 3, "a bad argument"),
                new Rule("a missing file", 1, 1, 0, start("file"), 5, "/no/such"),
                new Rule("an error too long to send", 1, 1, 0, start("long"), 8, "message length "));
    }

    @TempDir
    Path dir;

    private final TestHypervisor service = new TestHypervisor();
    private TtrpcServer server;
    private RawPeer peer;

    @BeforeEach
    void serve() throws IOException {
        server = TtrpcServer.builder()
                .addService(ServerInterceptors.intercept(service, service))
                .listen(UnixDomainSocketAddress.of(dir.resolve("s")));
        peer = new RawPeer(server.address());
    }

    @AfterEach
    void stop() throws IOException {
        peer.close();
        service.release.countDown();
        server.close();
        assertThat(dir).isEmptyDirectory();
    }

    @ParameterizedTest
    @MethodSource("errors")
    void answersAnErrorAndGoesOn(Rule rule) throws IOException {
        peer.send(rule.streamId, rule.type, rule.flags, rule.body);
        RawPeer.Received answer = peer.read();
        assertThat(answer.streamId()).isEqualTo(rule.streamId);
        assertThat(answer.type()).isEqualTo(Frame.RESPONSE);
        assertThat(answer.flags()).isZero();
        assertThat(answer.code()).isEqualTo(rule.code);
        assertThat(answer.message()).startsWith(rule.message);
        assertThat(answer.response().getPayload()).isEmpty();
        goesOn(rule.streamId + 101 | 1);
    }

    @Test
    void ignoresFramesOfUnknownTypesAndResponses() throws IOException {
        peer.send(1, 0, 0, bytes(1, 2));
        peer.send(1, 2, 0, bytes(1, 2));
        peer.send(1, 9, 7, empty());
        peer.send(1, 255, 255, bytes(9));
        goesOn(1);
    }

    @Test
    void answersAnEmptyMessageByAFrameOfNoBytes() throws IOException {
        peer.call(1, request(SERVICE, "StartVM", StartVMRequest.getDefaultInstance()));
        RawPeer.Received answer = peer.read();
        assertThat(answer.type()).isEqualTo(Frame.RESPONSE);
        assertThat(answer.body()).isEmpty();
    }

    @Test
    void ignoresTheFlagsOfAUnaryRequestAndDataForIt() throws IOException {
        peer.send(
                3,
                Frame.REQUEST,
                2,
                request(SERVICE, "StopVM", held("flags")).build().toByteString());
        peer.send(3, Frame.DATA, 0, bytes(1));
        peer.send(3, Frame.DATA, Frame.REMOTE_CLOSED | Frame.NO_DATA, empty());
        goesOn(5);
        service.release.countDown();
        assertThat(peer.read().streamId()).isEqualTo(3);
    }

    @Test
    void takesOddStreamIdsInAnyOrderUpToTheLast() throws IOException {
        goesOn(5);
        goesOn(3);
        goesOn(0xffff_ffff);
        goesOn(0x8000_0001);
        goesOn(1);
    }

    @Test
    void refusesAStreamIdThatIsInUse() throws IOException {
        peer.call(7, request(SERVICE, "StopVM", held("one")));
        peer.call(7, request(SERVICE, "Version", VersionRequest.getDefaultInstance()));
        RawPeer.Received answer = peer.read();
        assertThat(answer.streamId()).isEqualTo(7);
        assertThat(answer.code()).isEqualTo(3);
        assertThat(answer.message()).isEqualTo("StreamID cannot be re-used and must increment");
        goesOn(9);
    }

    @Test
    void answersInAnyOrder() throws IOException {
        peer.call(1, request(SERVICE, "StopVM", held("slow")));
        goesOn(3);
        service.release.countDown();
        assertThat(peer.read().streamId()).isEqualTo(1);
    }

    @Test
    void takesAMessageOfExactlyTheLargestSize() throws IOException {
        int overhead = request(SERVICE, "Version", version("x".repeat(4_000_000)))
                        .build()
                        .getSerializedSize()
                - 4_000_000;
        VersionRequest message = version("x".repeat(Frame.MAX_DATA - overhead));
        ByteString body = request(SERVICE, "Version", message).build().toByteString();
        assertThat(body.size()).isEqualTo(Frame.MAX_DATA);
        peer.send(1, Frame.REQUEST, 0, body);
        RawPeer.Received answer = peer.read();
        assertThat(answer.code()).isZero();
        assertThat(VersionResponse.parseFrom(answer.response().getPayload()).getVersion())
                .hasSize(Frame.MAX_DATA - overhead + 5);
    }

    @Test
    void readsFramesHoweverTheyAreCut() throws IOException {
        byte[] frame = RawPeer.frame(
                1,
                Frame.REQUEST,
                0,
                request(SERVICE, "Version", version("cut")).build().toByteString());
        for (byte b : frame) {
            peer.sendBytes(new byte[] {b});
        }
        assertThat(peer.read().streamId()).isEqualTo(1);
        byte[] two = Arrays.copyOf(frame, 2 * frame.length);
        System.arraycopy(frame, 0, two, frame.length, frame.length);
        Frame.setStreamId(two, 3);
        peer.sendBytes(two);
        int first = peer.read().streamId();
        int second = peer.read().streamId();
        assertThat(List.of(first, second)).containsExactlyInAnyOrder(1, 3);
    }

    @Test
    void survivesAnHttp2Preface() throws IOException {
        peer.sendBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(UTF_8));
        try (RawPeer other = new RawPeer(server.address())) {
            other.call(1, request(SERVICE, "Version", version("alive")));
            assertThat(other.read().code()).isZero();
        }
    }

    @Test
    void endsTheCallWhenTheCallersTimeIsOver() throws Exception {
        peer.call(1, request(SERVICE, "StopVM", stop("late")).setTimeoutNano(50_000_000));
        RawPeer.Received answer = peer.read();
        assertThat(answer.code()).isEqualTo(4);
        assertThat(answer.message()).isEqualTo("context deadline exceeded");
        assertThat(service.stopped.take()).isEqualTo("late: DEADLINE_EXCEEDED");
        goesOn(3);
    }

    @Test
    void cancelsEveryCallOfACallerThatHungUp() throws Exception {
        Set<String> expected = new HashSet<>();
        for (int i = 0; i < 10; i++) {
            peer.call(2 * i + 1, request(SERVICE, "StopVM", stop("call" + i)));
            expected.add("call" + i + ": CANCELLED");
        }
        for (int i = 0; i < 10; i++) {
            service.begun.take();
        }
        peer.close();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 10; i++) {
            seen.add(service.stopped.take());
        }
        assertThat(seen).isEqualTo(expected);
    }

    @Test
    void countsAHalfCloseAsHangingUp() throws Exception {
        peer.call(1, request(SERVICE, "StopVM", stop("half")));
        service.begun.take();
        peer.socket().shutdownOutput();
        assertThat(service.stopped.take()).isEqualTo("half: CANCELLED");
        peer.awaitEnd();
    }

    @Test
    void givesMetadataToTheHandler() throws IOException {
        Request.Builder create = Request.newBuilder()
                .setService(SERVICE)
                .setMethod("CreateVM")
                .addMetadata(KeyValue.newBuilder()
                        .setKey("Containerd-Namespace-TTRPC")
                        .setValue("k8s.io"))
                .addMetadata(KeyValue.newBuilder().setKey("many").setValue("a"))
                .addMetadata(KeyValue.newBuilder().setKey("many").setValue(""));
        peer.call(1, create.setTimeoutNano(Long.MAX_VALUE));
        assertThat(peer.read().response().getPayload().toStringUtf8())
                .endsWith("containerd-namespace-ttrpc:k8s.io,many:a+,deadline");
    }

    @Test
    void sendsDetailsAndCodesOutsideOfGrpcsAsTheyAre() throws IOException {
        peer.send(1, Frame.REQUEST, 0, start("details"));
        assertThat(peer.read().response().getStatus()).isEqualTo(TestHypervisor.DETAILS);
        peer.send(3, Frame.REQUEST, 0, start("odd"));
        assertThat(peer.read().response().getStatus()).isEqualTo(TestHypervisor.ODD);
    }

    private void goesOn(int streamId) throws IOException {
        peer.call(streamId, request(SERVICE, "Version", version("still")));
        RawPeer.Received answer = peer.read();
        assertThat(answer.streamId()).isEqualTo(streamId);
        assertThat(VersionResponse.parseFrom(answer.response().getPayload()).getVersion())
                .isEqualTo("java-still");
    }

    private static VersionRequest version(String text) {
        return VersionRequest.newBuilder().setVersion(text).build();
    }

    private static StopVMRequest stop(String id) {
        return StopVMRequest.newBuilder().setId(id).build();
    }

    private static StopVMRequest held(String id) {
        return stop("held " + id);
    }

    private static ByteString start(String id) {
        return request(SERVICE, "StartVM", StartVMRequest.newBuilder().setId(id).build())
                .build()
                .toByteString();
    }

    private static ByteString named(String service, String method) {
        return Request.newBuilder()
                .setService(service)
                .setMethod(method)
                .build()
                .toByteString();
    }

    private static ByteString empty() {
        return ByteString.EMPTY;
    }

    private static ByteString bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return ByteString.copyFrom(bytes);
    }
}
