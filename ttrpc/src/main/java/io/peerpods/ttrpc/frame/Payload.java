package io.peerpods.ttrpc.frame;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.KnownLength;
import java.io.ByteArrayInputStream;
import java.util.Arrays;

/** A received message: a piece of the frame that brought it, handed to a marshaller without being copied. */
public final class Payload extends ByteArrayInputStream implements KnownLength {
    public Payload(byte[] frame, int offset, int length) {
        super(frame, offset, length);
    }

    public int length() {
        return count - pos;
    }

    public byte[] toBytes() {
        return pos == 0 && count == buf.length ? buf : Arrays.copyOfRange(buf, pos, count);
    }

    public ByteString toByteString() {
        return UnsafeByteOperations.unsafeWrap(buf, pos, count - pos);
    }
}
