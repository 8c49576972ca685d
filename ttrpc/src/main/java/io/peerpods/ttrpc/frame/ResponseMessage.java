package io.peerpods.ttrpc.frame;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;

/** The message of a response frame: {@code status=1 payload=2}. A success carries no status, an error no payload. */
public record ResponseMessage(StatusMessage status, Payload payload) {

    private static final int STATUS = 1 << 3 | 2;
    private static final int PAYLOAD = 2 << 3 | 2;

    public static ResponseMessage parse(byte[] body) throws InvalidProtocolBufferException {
        StatusMessage status = StatusMessage.OK;
        int payloadAt = 0;
        int payloadLength = 0;
        try {
            CodedInputStream in = CodedInputStream.newInstance(body);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                switch (tag) {
                    case STATUS -> status = StatusMessage.parse(in.readByteArray());
                    case PAYLOAD -> {
                        payloadLength = in.readRawVarint32();
                        payloadAt = in.getTotalBytesRead();
                        in.skipRawBytes(payloadLength);
                    }
                    default -> RequestMessage.skip(in, tag);
                }
            }
        } catch (InvalidProtocolBufferException e) {
            throw e;
        } catch (IOException e) {
            throw new InvalidProtocolBufferException(e);
        }
        return new ResponseMessage(status, new Payload(body, payloadAt, payloadLength));
    }

    /** A whole response frame of a success. */
    public static byte[] success(int streamId, Outgoing payload) throws OversizedException {
        int length = payload.length();
        long size = length == 0 ? 0 : 1L + ProtoWriter.varintSize(length) + length;
        if (size > Frame.MAX_DATA) {
            throw new OversizedException(size);
        }
        byte[] frame = Frame.allocate((int) size, streamId, Frame.RESPONSE, 0);
        if (length > 0) {
            new ProtoWriter(frame, Frame.HEADER).field(2, payload);
        }
        return frame;
    }

    /** A whole response frame of an error. */
    public static byte[] failure(int streamId, StatusMessage status) throws OversizedException {
        byte[] encoded = status.encode();
        long size = 1L + ProtoWriter.varintSize(encoded.length) + encoded.length;
        if (size > Frame.MAX_DATA) {
            throw new OversizedException(size);
        }
        byte[] frame = Frame.allocate((int) size, streamId, Frame.RESPONSE, 0);
        new ProtoWriter(frame, Frame.HEADER).field(1, encoded);
        return frame;
    }

    /** A response of a short error; one that cannot be too long. */
    public static byte[] refusal(int streamId, Status status) {
        try {
            return failure(streamId, new StatusMessage(status, new Metadata()));
        } catch (OversizedException e) {
            return refusal(streamId, Status.fromCode(status.getCode()).withDescription("the message is too long"));
        }
    }
}
