package io.peerpods.ttrpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.KnownLength;
import java.io.ByteArrayInputStream;
import java.util.Arrays;

/** A received message: a piece of the frame that brought it, handed to a marshaller without being copied. */
final class Payload extends ByteArrayInputStream implements KnownLength {
    Payload(byte[] frame, int offset, int length) {
        super(frame, offset, length);
    }

    int length() {
        return count - pos;
    }

    byte[] toBytes() {
        return pos == 0 && count == buf.length ? buf : Arrays.copyOfRange(buf, pos, count);
    }

    ByteString toByteString() {
        return UnsafeByteOperations.unsafeWrap(buf, pos, count - pos);
    }
}
