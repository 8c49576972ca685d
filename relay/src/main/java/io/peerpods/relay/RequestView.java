package io.peerpods.relay;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;

/**
 * What the relay reads of a ttRPC request (request.proto): whose method it is and how long the caller waits.
 *
 * @param timeoutNanos the caller's timeout_nano: 0 none, negative already over
 */
record RequestView(String service, String method, long timeoutNanos) {

    private static final int SERVICE = 1;
    private static final int METHOD = 2;
    private static final int PAYLOAD = 3;
    private static final int TIMEOUT = 4;

    /** Scans a request body; one that is not a request has empty names and goes on to the agent, which says what is wrong with it. */
    static RequestView of(byte[] body) {
        String service = "";
        String method = "";
        long timeout = 0;
        try {
            CodedInputStream in = CodedInputStream.newInstance(body);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                switch (tag) {
                    case SERVICE << 3 | WireFormat.WIRETYPE_LENGTH_DELIMITED -> service = in.readString();
                    case METHOD << 3 | WireFormat.WIRETYPE_LENGTH_DELIMITED -> method = in.readString();
                    case TIMEOUT << 3 | WireFormat.WIRETYPE_VARINT -> timeout = in.readInt64();
                    default -> in.skipField(tag);
                }
            }
        } catch (IOException notARequest) {
            return new RequestView("", "", 0);
        }
        return new RequestView(service, method, timeout);
    }

    /** The payload of a request body. */
    static ByteString payload(byte[] body) throws IOException {
        ByteString payload = ByteString.EMPTY;
        CodedInputStream in = CodedInputStream.newInstance(body);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (tag == (PAYLOAD << 3 | WireFormat.WIRETYPE_LENGTH_DELIMITED)) {
                payload = in.readBytes();
            } else {
                in.skipField(tag);
            }
        }
        return payload;
    }

    /** The body with another payload; every other field as it was. */
    static byte[] withPayload(byte[] body, ByteString payload) throws IOException {
        return rewritten(body, PAYLOAD, out -> {
            if (!payload.isEmpty()) {
                out.writeBytes(PAYLOAD, payload);
            }
        });
    }

    /** The body with another timeout; every other field as it was. */
    static byte[] withTimeout(byte[] body, long nanos) throws IOException {
        return rewritten(body, TIMEOUT, out -> out.writeInt64(TIMEOUT, nanos));
    }

    @SuppressWarnings("deprecation") // the one way to copy a field unread, which an unknown field must be
    private static byte[] rewritten(byte[] body, int field, FieldWriter replacement) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(body.length + 64);
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        CodedInputStream in = CodedInputStream.newInstance(body);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (WireFormat.getTagFieldNumber(tag) == field) {
                in.skipField(tag);
            } else {
                in.skipField(tag, out);
            }
        }
        replacement.write(out);
        out.flush();
        return bytes.toByteArray();
    }

    private interface FieldWriter {
        void write(CodedOutputStream out) throws IOException;
    }
}
