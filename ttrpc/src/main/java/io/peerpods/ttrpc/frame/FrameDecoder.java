package io.peerpods.ttrpc.frame;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a stream of bytes into frames. Memory follows the bytes that came, never the length that a header claims: a
 * whole body is allocated ahead only from an allowance that all connections of a thread share. Not thread-safe.
 */
public final class FrameDecoder {
    /** First piece of a body that is not covered by the allowance. */
    private static final int FIRST_PIECE = 16 << 10;

    /** Where the frames go. */
    public interface Sink {
        /**
         * A whole frame came.
         *
         * @param body the frame's data, this call's to keep
         * @return false to stop: the connection is closed and what follows is not looked at
         */
        boolean frame(int streamId, int type, int flags, byte[] body);

        /**
         * The header of a frame came.
         *
         * @return true to get its data by {@link #piece} as it comes, false to get the {@link #frame} when it is whole
         */
        boolean begin(int streamId, int type, int flags, int length);

        /**
         * More data of the frame that was begun.
         *
         * @param data to be read to its end before this returns
         * @return false to stop
         */
        boolean piece(ByteBuffer data);

        /** A frame longer than the protocol allows came and was skipped; the stream is still in step. */
        boolean oversized(int streamId, long length);
    }

    /** Bytes that may be allocated before they have arrived. Confined to one thread. */
    public static final class Allowance {
        private int left;

        public Allowance(int bytes) {
            left = bytes;
        }

        boolean take(int bytes) {
            if (bytes > left) {
                return false;
            }
            left -= bytes;
            return true;
        }

        void giveBack(int bytes) {
            left += bytes;
        }
    }

    private final Sink sink;
    private final Allowance allowance;
    private final byte[] header = new byte[Frame.HEADER];
    private int headerFill;
    private long length;
    private int streamId;
    private int type;
    private int flags;
    private byte @Nullable [] body;
    private int bodyFill;
    private int taken;
    private long skip;
    private int pieces;

    public FrameDecoder(Sink sink, Allowance allowance) {
        this.sink = sink;
        this.allowance = allowance;
    }

    /** Whether the last byte fed was not the last of a frame. */
    public boolean insideFrame() {
        return headerFill > 0 || body != null || skip > 0 || pieces > 0;
    }

    /** Gives the allowance back when the connection ends inside a frame. */
    public void release() {
        allowance.giveBack(taken);
        taken = 0;
        body = null;
    }

    /** Consumes all of {@code in}, unless the sink stops it. */
    public void feed(ByteBuffer in) {
        boolean goOn = true;
        while (goOn && in.hasRemaining()) {
            if (skip > 0) {
                goOn = skip(in);
            } else if (pieces > 0) {
                goOn = piece(in);
            } else if (body != null) {
                goOn = fill(in, body);
            } else if (readHeader(in)) {
                goOn = startBody(in);
            }
        }
    }

    private boolean readHeader(ByteBuffer in) {
        int n = Math.min(in.remaining(), Frame.HEADER - headerFill);
        in.get(header, headerFill, n);
        headerFill += n;
        if (headerFill < Frame.HEADER) {
            return false;
        }
        headerFill = 0;
        length = Integer.toUnsignedLong(Frame.getInt(header, 0));
        streamId = Frame.getInt(header, 4);
        type = header[8] & 0xff;
        flags = header[9] & 0xff;
        return true;
    }

    private boolean startBody(ByteBuffer in) {
        if (length > Frame.MAX_DATA) {
            skip = length;
            return true;
        }
        int size = (int) length;
        if (sink.begin(streamId, type, flags, size)) {
            pieces = size;
            return true;
        }
        if (in.remaining() >= size) {
            byte[] whole = Frame.body(size);
            in.get(whole);
            return sink.frame(streamId, type, flags, whole);
        }
        if (allowance.take(size)) {
            taken = size;
            body = new byte[size];
        } else {
            body = new byte[Math.min(size, Math.max(FIRST_PIECE, in.remaining()))];
        }
        bodyFill = 0;
        return true;
    }

    private boolean fill(ByteBuffer in, byte[] into) {
        int size = (int) length;
        int n = Math.min(in.remaining(), size - bodyFill);
        if (bodyFill + n > into.length) {
            into = Arrays.copyOf(into, Math.min(size, Math.max(bodyFill + n, 2 * into.length)));
            body = into;
        }
        in.get(into, bodyFill, n);
        bodyFill += n;
        if (bodyFill < size) {
            return true;
        }
        release();
        return sink.frame(streamId, type, flags, into);
    }

    private boolean piece(ByteBuffer in) {
        int n = Math.min(pieces, in.remaining());
        int limit = in.limit();
        in.limit(in.position() + n);
        boolean goOn = sink.piece(in);
        in.limit(limit);
        pieces -= n;
        return goOn;
    }

    private boolean skip(ByteBuffer in) {
        int n = (int) Math.min(skip, in.remaining());
        in.position(in.position() + n);
        skip -= n;
        return skip > 0 || sink.oversized(streamId, length);
    }
}
