package io.peerpods.relay;

import java.io.EOFException;
import java.io.IOException;

/**
 * Reads frames from a wire into memory that it uses again: after {@link #next}, the accessors describe one frame until the
 * following {@code next}. The header stands right before the body, so that a changed frame goes out in one write. A reader that
 * gives frames {@link #inPieces} has the beginning of a large one at hand, and {@link #nextPiece} brings the rest. For one thread.
 */
final class FrameReader {

    private static final int BUFFER = 64 << 10;

    /** Small enough for all parties to work at the same time, large enough that they do not wake each other up all the time. */
    private static final int PIECE = 128 << 10;

    /** Memory for larger frames is kept up to this size; the rest of the way to 4 MiB is taken and given back per frame. */
    private static final int KEPT = 2 << 20;

    private final Wire wire;
    private final boolean pieces;
    private final byte[] buffer = new byte[BUFFER];
    private byte[] large = new byte[0];
    private int position;
    private int limit;

    private byte[] array = buffer;
    private int start;
    private int length;
    private int stream;
    private int type;
    private int flags;
    private long declared;
    private int atHand;
    private int outstanding;

    FrameReader(Wire wire) {
        this(wire, false);
    }

    private FrameReader(Wire wire, boolean pieces) {
        this.wire = wire;
        this.pieces = pieces;
    }

    /** Does not wait for the whole of a frame that is larger than a buffer: it can be on its way out before its end is here. */
    static FrameReader inPieces(Wire wire) {
        return new FrameReader(wire, true);
    }

    /**
     * Waits for a frame. The body of one that is longer than the protocol allows is read and thrown away.
     *
     * @return false when the stream ended between two frames
     */
    boolean next() throws IOException {
        if (large.length > KEPT) {
            large = new byte[0];
        }
        if (outstanding > 0) {
            discard(outstanding);
            outstanding = 0;
        }
        if (!fill(Frames.HEADER)) {
            return false;
        }
        int size = Frames.getInt(buffer, position);
        stream = Frames.getInt(buffer, position + 4);
        type = buffer[position + 8] & 0xff;
        flags = buffer[position + 9] & 0xff;
        declared = Integer.toUnsignedLong(size);
        if (declared > Frames.MAX_BODY) {
            length = 0;
            atHand = 0;
            position += Frames.HEADER;
            discard(declared);
            return true;
        }
        length = size;
        int whole = Frames.HEADER + size;
        if (whole <= buffer.length) {
            if (!fill(whole)) {
                throw cutShort();
            }
            array = buffer;
            start = position;
            position += whole;
            atHand = whole;
        } else if (pieces) {
            array = buffer;
            start = position;
            atHand = limit - position;
            outstanding = whole - atHand;
            position = limit;
        } else {
            readLarge(whole);
            atHand = whole;
        }
        return true;
    }

    /** How many bytes stand at {@link #start}: the whole frame, or the first or next piece of it. */
    int atHand() {
        return atHand;
    }

    /** Brings the next piece of the frame to {@link #start}; false when there is none. */
    boolean nextPiece() throws IOException {
        if (outstanding == 0) {
            return false;
        }
        if (large.length < PIECE) {
            large = new byte[PIECE];
        }
        array = large;
        start = 0;
        atHand = 0;
        int piece = Math.min(PIECE, outstanding);
        while (atHand < piece) {
            int got = wire.read(large, atHand, piece - atHand);
            if (got < 0) {
                outstanding = 0;
                throw cutShort();
            }
            atHand += got;
        }
        outstanding -= piece;
        return true;
    }

    /** Whether the frame was longer than allowed; its body is gone then. */
    boolean isOversized() {
        return declared > Frames.MAX_BODY;
    }

    long declaredLength() {
        return declared;
    }

    int stream() {
        return stream;
    }

    int type() {
        return type;
    }

    int flags() {
        return flags;
    }

    /** Where the frame is: header at {@link #start}, body right behind it, {@link #atHand} bytes altogether. */
    byte[] array() {
        return array;
    }

    int start() {
        return start;
    }

    /** Length of the body, be it here yet or not. */
    int length() {
        return length;
    }

    /** The body as a copy that outlives the next frame. */
    byte[] copyBody() throws IOException {
        byte[] body = new byte[length];
        int copied = atHand - Frames.HEADER;
        System.arraycopy(array, start + Frames.HEADER, body, 0, copied);
        while (nextPiece()) {
            System.arraycopy(array, start, body, copied, atHand);
            copied += atHand;
        }
        return body;
    }

    private void readLarge(int whole) throws IOException {
        if (large.length < whole) {
            large = new byte[(whole + BUFFER - 1) / BUFFER * BUFFER];
        }
        int have = limit - position;
        System.arraycopy(buffer, position, large, 0, have);
        position = 0;
        limit = 0;
        while (have < whole) {
            int got = wire.read(large, have, whole - have);
            if (got < 0) {
                throw cutShort();
            }
            have += got;
        }
        array = large;
        start = 0;
    }

    /** Makes {@code wanted} bytes stand in the buffer from position on; false at an end of stream with none of them there. */
    private boolean fill(int wanted) throws IOException {
        if (buffer.length - position < wanted) {
            System.arraycopy(buffer, position, buffer, 0, limit - position);
            limit -= position;
            position = 0;
        }
        while (limit - position < wanted) {
            int got = wire.read(buffer, limit, buffer.length - limit);
            if (got < 0) {
                if (limit == position) {
                    return false;
                }
                throw cutShort();
            }
            limit += got;
        }
        return true;
    }

    private void discard(long bytes) throws IOException {
        long left = bytes;
        while (left > 0) {
            int have = limit - position;
            if (have == 0) {
                position = 0;
                limit = wire.read(buffer, 0, buffer.length);
                if (limit < 0) {
                    limit = 0;
                    throw cutShort();
                }
                continue;
            }
            int taken = (int) Math.min(have, left);
            position += taken;
            left -= taken;
        }
    }

    private static EOFException cutShort() {
        return new EOFException("the connection ended within a frame");
    }
}
