package io.peerpods.ttrpc.frame;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import java.io.IOException;

/**
 * The message of a request frame: {@code service=1 method=2 payload=3 timeout_nano=4 metadata=5} (containerd/ttrpc
 * request.proto).
 *
 * @param timeoutNanos time that the caller still waits; 0: for ever; negative: no more
 */
public record RequestMessage(String service, String method, Payload payload, long timeoutNanos, Metadata metadata) {

    private static final int SERVICE = 1 << 3 | 2;
    private static final int METHOD = 2 << 3 | 2;
    private static final int PAYLOAD = 3 << 3 | 2;
    private static final int TIMEOUT = 4 << 3;
    private static final int METADATA = 5 << 3 | 2;

    /** Reads a frame's body; fails when it is not such a message. */
    public static RequestMessage parse(byte[] body) throws InvalidProtocolBufferException {
        String service = "";
        String method = "";
        int payloadAt = 0;
        int payloadLength = 0;
        long timeout = 0;
        MetadataEntries metadata = null;
        try {
            CodedInputStream in = CodedInputStream.newInstance(body);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                switch (tag) {
                    case SERVICE -> service = in.readStringRequireUtf8();
                    case METHOD -> method = in.readStringRequireUtf8();
                    case PAYLOAD -> {
                        payloadLength = in.readRawVarint32();
                        payloadAt = in.getTotalBytesRead();
                        in.skipRawBytes(payloadLength);
                    }
                    case TIMEOUT -> timeout = in.readInt64();
                    case METADATA -> {
                        metadata = metadata == null ? new MetadataEntries() : metadata;
                        metadata.read(in);
                    }
                    default -> skip(in, tag);
                }
            }
        } catch (InvalidProtocolBufferException e) {
            throw e;
        } catch (IOException e) {
            throw new InvalidProtocolBufferException(e);
        }
        return new RequestMessage(
                service,
                method,
                new Payload(body, payloadAt, payloadLength),
                timeout,
                metadata == null ? new Metadata() : metadata.toMetadata());
    }

    /** Leaves an unknown field out. An end of a group that never began is not a field. */
    static void skip(CodedInputStream in, int tag) throws IOException {
        if (!in.skipField(tag)) {
            throw new InvalidProtocolBufferException("end of a group that was not begun");
        }
    }

    /** A whole request frame; its stream id is set later. */
    public static byte[] encode(
            String service, String method, Outgoing payload, long timeoutNanos, Metadata metadata, int flags)
            throws OversizedException {
        byte[] serviceBytes = service.getBytes(UTF_8);
        byte[] methodBytes = method.getBytes(UTF_8);
        byte[][] pairs = MetadataEntries.pairs(metadata);
        long size = size(serviceBytes.length) + size(methodBytes.length) + size(payload.length());
        if (timeoutNanos != 0) {
            size += 1 + ProtoWriter.varintSize(timeoutNanos);
        }
        for (int i = 0; i < pairs.length; i += 2) {
            size += ProtoWriter.fieldSize(MetadataEntries.pairSize(pairs, i));
        }
        if (size > Frame.MAX_DATA) {
            throw new OversizedException(size);
        }
        byte[] frame = Frame.allocate((int) size, 0, Frame.REQUEST, flags);
        ProtoWriter out = new ProtoWriter(frame, Frame.HEADER);
        if (serviceBytes.length > 0) {
            out.field(1, serviceBytes);
        }
        if (methodBytes.length > 0) {
            out.field(2, methodBytes);
        }
        if (payload.length() > 0) {
            out.field(3, payload);
        }
        if (timeoutNanos != 0) {
            out.varintField(4, timeoutNanos);
        }
        for (int i = 0; i < pairs.length; i += 2) {
            out.head(5, MetadataEntries.pairSize(pairs, i));
            MetadataEntries.writePair(out, pairs, i);
        }
        return frame;
    }

    private static long size(int length) {
        return length == 0 ? 0 : ProtoWriter.fieldSize(length);
    }
}
