package io.peerpods.ttrpc;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;

/** The message of a response frame: {@code status=1 payload=2}. A success carries no status, an error no payload. */
record WireResponse(WireStatus status, Payload payload) {

    private static final int STATUS = 1 << 3 | 2;
    private static final int PAYLOAD = 2 << 3 | 2;

    static WireResponse parse(byte[] body) throws InvalidProtocolBufferException {
        WireStatus status = WireStatus.OK;
        int payloadAt = 0;
        int payloadLength = 0;
        try {
            CodedInputStream in = CodedInputStream.newInstance(body);
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                switch (tag) {
                    case STATUS -> status = WireStatus.parse(in.readByteArray());
                    case PAYLOAD -> {
                        payloadLength = in.readRawVarint32();
                        payloadAt = in.getTotalBytesRead();
                        in.skipRawBytes(payloadLength);
                    }
                    default -> WireRequest.skip(in, tag);
                }
            }
        } catch (InvalidProtocolBufferException e) {
            throw e;
        } catch (IOException e) {
            throw new InvalidProtocolBufferException(e);
        }
        return new WireResponse(status, new Payload(body, payloadAt, payloadLength));
    }

    /** A whole response frame of a success. */
    static byte[] success(int streamId, Outgoing payload) throws OversizedException {
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
    static byte[] failure(int streamId, WireStatus status) throws OversizedException {
        byte[] encoded = status.encode();
        long size = 1L + ProtoWriter.varintSize(encoded.length) + encoded.length;
        if (size > Frame.MAX_DATA) {
            throw new OversizedException(size);
        }
        byte[] frame = Frame.allocate((int) size, streamId, Frame.RESPONSE, 0);
        new ProtoWriter(frame, Frame.HEADER).field(1, encoded);
        return frame;
    }
}
