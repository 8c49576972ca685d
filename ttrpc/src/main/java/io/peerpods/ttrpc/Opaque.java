package io.peerpods.ttrpc;

import com.google.protobuf.ByteString;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.peerpods.ttrpc.frame.Payload;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** Messages that are carried without being looked at: marshallers and method descriptors for a pass-through. */
public final class Opaque {

    private static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
            return new Known(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            return stream instanceof Payload payload ? payload.toBytes() : readAll(stream);
        }
    };

    private static final MethodDescriptor.Marshaller<ByteString> BYTE_STRINGS = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(ByteString value) {
            return new KnownString(value);
        }

        @Override
        public ByteString parse(InputStream stream) {
            return stream instanceof Payload payload ? payload.toByteString() : ByteString.copyFrom(readAll(stream));
        }
    };

    private Opaque() {}

    /** Messages as arrays. The array that a message was made from must not be changed afterwards. */
    public static MethodDescriptor.Marshaller<byte[]> bytes() {
        return BYTES;
    }

    /** Messages as {@link ByteString}: a received one is a view of its frame, nothing is copied. */
    public static MethodDescriptor.Marshaller<ByteString> byteStrings() {
        return BYTE_STRINGS;
    }

    /**
     * A method whose messages are byte arrays.
     *
     * @param fullMethodName {@code service/method}
     * @param type UNKNOWN on a server takes what the caller's frame says ({@link TtrpcServer#WIRE_TYPE} tells the
     *     handler); on a channel it is UNARY
     */
    public static MethodDescriptor<byte[], byte[]> method(String fullMethodName, MethodType type) {
        return method(fullMethodName, type, BYTES);
    }

    /** As {@link #method(String, MethodType)}, for another marshaller. */
    public static <T> MethodDescriptor<T, T> method(
            String fullMethodName, MethodType type, MethodDescriptor.Marshaller<T> marshaller) {
        return MethodDescriptor.<T, T>newBuilder()
                .setFullMethodName(fullMethodName)
                .setType(type)
                .setRequestMarshaller(marshaller)
                .setResponseMarshaller(marshaller)
                .build();
    }

    private static byte[] readAll(InputStream stream) {
        try (stream) {
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException("reading a message", e);
        }
    }

    private static final class Known extends ByteArrayInputStream implements KnownLength {
        Known(byte[] bytes) {
            super(bytes);
        }
    }

    /** Copies out of the string's own memory in one step. */
    private static final class KnownString extends InputStream implements KnownLength {
        private final ByteString bytes;
        private int position;

        KnownString(ByteString bytes) {
            this.bytes = bytes;
        }

        @Override
        public int available() {
            return bytes.size() - position;
        }

        @Override
        public int read() {
            return position == bytes.size() ? -1 : bytes.byteAt(position++) & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            int n = Math.min(length, available());
            if (n == 0) {
                return length == 0 ? 0 : -1;
            }
            bytes.substring(position, position + n).copyTo(target, offset);
            position += n;
            return n;
        }
    }
}
