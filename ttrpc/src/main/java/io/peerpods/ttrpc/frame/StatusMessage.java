package io.peerpods.ttrpc.frame;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.IOException;

/**
 * A call's outcome as {@code google.rpc.Status{code=1 message=2 details=3}}. Details, unknown fields and codes that gRPC
 * does not know travel beside the {@link Status} in trailers, and go out again byte for byte.
 */
public record StatusMessage(Status status, Metadata trailers) {

    /** gRPC's own key for a whole google.rpc.Status (io.grpc.protobuf.StatusProto reads and writes it). */
    public static final Metadata.Key<byte[]> DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

    /** A whole status whose code gRPC does not know; under gRPC's key its readers would fail on it. */
    public static final Metadata.Key<byte[]> FOREIGN =
            Metadata.Key.of("ttrpc-status-bin", Metadata.BINARY_BYTE_MARSHALLER);

    private static final int CODE = 1 << 3;
    private static final int MESSAGE = 2 << 3 | 2;
    private static final int DETAIL = 3 << 3 | 2;

    public static final StatusMessage OK = new StatusMessage(Status.OK, new Metadata());

    static StatusMessage parse(byte[] encoded) throws InvalidProtocolBufferException {
        int code = 0;
        String message = "";
        boolean plain = true;
        try {
            CodedInputStream in = CodedInputStream.newInstance(encoded);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                switch (tag) {
                    case CODE -> code = in.readInt32();
                    case MESSAGE -> message = in.readStringRequireUtf8();
                    default -> {
                        plain = false;
                        RequestMessage.skip(in, tag);
                    }
                }
            }
        } catch (InvalidProtocolBufferException e) {
            throw e;
        } catch (IOException e) {
            throw new InvalidProtocolBufferException(e);
        }
        Metadata trailers = new Metadata();
        Status status = Status.fromCodeValue(code);
        if (status.getCode().value() != code) {
            trailers.put(FOREIGN, encoded);
        } else if (!plain) {
            trailers.put(DETAILS, encoded);
        }
        return new StatusMessage(Status.fromCode(status.getCode()).withDescription(message), trailers);
    }

    /** The status as protobuf; empty for OK, which is sent as no status at all. */
    byte[] encode() {
        if (status.isOk()) {
            return Frame.body(0);
        }
        String message = status.getDescription() == null ? "" : status.getDescription();
        byte[] foreign = trailers.get(FOREIGN);
        byte[] whole = foreign == null ? trailers.get(DETAILS) : foreign;
        if (whole != null) {
            try {
                StatusMessage received = parse(whole);
                if (received.status.getCode() == status.getCode()) {
                    return message.equals(received.status.getDescription()) ? whole : encode(message, details(whole));
                }
            } catch (IOException e) {
                // Not a google.rpc.Status: a trailer of another protocol, which ttRPC cannot carry.
                return encode(message, Frame.body(0));
            }
        }
        return encode(message, Frame.body(0));
    }

    private byte[] encode(String message, byte[] details) {
        byte[] messageBytes = message.getBytes(UTF_8);
        int code = status.getCode().value();
        int size = 1 + ProtoWriter.varintSize(code);
        if (messageBytes.length > 0) {
            size += ProtoWriter.fieldSize(messageBytes.length);
        }
        byte[] encoded = new byte[size + details.length];
        ProtoWriter out = new ProtoWriter(encoded, 0);
        out.varintField(1, code);
        if (messageBytes.length > 0) {
            out.field(2, messageBytes);
        }
        System.arraycopy(details, 0, encoded, size, details.length);
        return encoded;
    }

    /** The detail fields of an encoded status, tags included. */
    private static byte[] details(byte[] whole) throws IOException {
        ByteArrayOutputStream details = new ByteArrayOutputStream();
        CodedInputStream in = CodedInputStream.newInstance(whole);
        int start = 0;
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            RequestMessage.skip(in, tag);
            int end = in.getTotalBytesRead();
            if (tag == DETAIL) {
                details.write(whole, start, end - start);
            }
            start = end;
        }
        return details.toByteArray();
    }
}
