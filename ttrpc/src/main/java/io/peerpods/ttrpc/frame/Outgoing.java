package io.peerpods.ttrpc.frame;

import io.grpc.KnownLength;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** A message on its way out. Its length is known before a byte of it is copied, so that it is copied once, into its frame. */
public record Outgoing(InputStream stream, int length) {

    public static final Outgoing EMPTY = new Outgoing(InputStream.nullInputStream(), 0);

    public static Outgoing of(InputStream stream) {
        try {
            if (stream instanceof KnownLength) {
                return new Outgoing(stream, stream.available());
            }
            byte[] bytes = stream.readNBytes(Frame.MAX_DATA + 1);
            return new Outgoing(new ByteArrayInputStream(bytes), bytes.length);
        } catch (IOException e) {
            throw new UncheckedIOException("reading a message's own bytes", e);
        }
    }

    void copyTo(byte[] target, int offset) {
        try {
            if (stream.readNBytes(target, offset, length) != length) {
                throw new IOException("a message is shorter than it said");
            }
        } catch (IOException e) {
            throw new UncheckedIOException("reading a message's own bytes", e);
        }
    }

    /** The message alone in a data frame. */
    public byte[] dataFrame(int streamId) throws OversizedException {
        if (length > Frame.MAX_DATA) {
            throw new OversizedException(length);
        }
        byte[] frame = Frame.allocate(length, streamId, Frame.DATA, 0);
        copyTo(frame, Frame.HEADER);
        return frame;
    }
}
