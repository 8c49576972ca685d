package io.peerpods.relay;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.peerpods.proto.ttrpc.Response;
import java.nio.charset.StandardCharsets;

/**
 * The ttRPC frame (containerd/ttrpc PROTOCOL.md): length, stream id, type, flags, then the body; integers big-endian and
 * unsigned.
 */
final class Frames {

    static final int HEADER = 10;
    static final int MAX_BODY = 4 << 20;

    static final int REQUEST = 1;
    static final int RESPONSE = 2;
    static final int DATA = 3;

    /** Flag of a data frame: its sender sends no more on this stream. */
    static final int REMOTE_CLOSED = 1;

    /** Longer status texts are cut: they come from exceptions and end in Kubernetes events. */
    private static final int MAX_TEXT = 4096;

    private Frames() {}

    static void putHeader(byte[] target, int at, int length, int stream, int type, int flags) {
        putInt(target, at, length);
        putInt(target, at + 4, stream);
        target[at + 8] = (byte) type;
        target[at + 9] = (byte) flags;
    }

    static void putInt(byte[] target, int at, int value) {
        target[at] = (byte) (value >>> 24);
        target[at + 1] = (byte) (value >>> 16);
        target[at + 2] = (byte) (value >>> 8);
        target[at + 3] = (byte) value;
    }

    static int getInt(byte[] source, int at) {
        return (source[at] & 0xff) << 24
                | (source[at + 1] & 0xff) << 16
                | (source[at + 2] & 0xff) << 8
                | (source[at + 3] & 0xff);
    }

    /** A whole frame with this body. */
    static byte[] frame(int stream, int type, int flags, byte[] body) {
        byte[] frame = new byte[HEADER + body.length];
        putHeader(frame, 0, body.length, stream, type, flags);
        System.arraycopy(body, 0, frame, HEADER, body.length);
        return frame;
    }

    /** A whole response frame that fails its stream's call. */
    static byte[] failure(int stream, Status status) {
        String text = status.getDescription() == null ? status.getCode().name() : status.getDescription();
        Response response = Response.newBuilder()
                .setStatus(io.peerpods.proto.ttrpc.Status.newBuilder()
                        .setCode(status.getCode().value())
                        .setMessage(cut(text)))
                .build();
        return frame(stream, RESPONSE, 0, response.toByteArray());
    }

    /** The payload of a response body, or its status. */
    static Answer answer(byte[] body) throws InvalidProtocolBufferException {
        Response response = Response.parseFrom(body);
        var status = response.getStatus();
        Status outcome = status.getCode() == 0
                ? Status.OK
                : Status.fromCodeValue(status.getCode()).withDescription(status.getMessage());
        return new Answer(outcome, response.getPayload());
    }

    private static String cut(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return bytes.length <= MAX_TEXT ? text : text.substring(0, MAX_TEXT / 4) + " ...";
    }

    /** What a unary call came back with. */
    record Answer(Status status, ByteString payload) {}
}
