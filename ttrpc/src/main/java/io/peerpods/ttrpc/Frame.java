package io.peerpods.ttrpc;

/**
 * The layout of a ttRPC frame: {@code length(4) stream(4) type(1) flags(1) data[length]}, integers big-endian and
 * unsigned (containerd/ttrpc channel.go). An encoded frame is one byte array, header included.
 */
final class Frame {
    static final int HEADER = 10;
    /** Most data that a frame may carry, in either direction. */
    static final int MAX_DATA = 4 << 20;

    static final int REQUEST = 1;
    static final int RESPONSE = 2;
    static final int DATA = 3;

    /** The sender sends nothing more on this stream. */
    static final int REMOTE_CLOSED = 1;
    /** The sender goes on with data frames. */
    static final int REMOTE_OPEN = 2;
    /** This data frame carries no message (an empty data frame without this flag is an empty message). */
    static final int NO_DATA = 4;

    private static final byte[] NOTHING = {};

    private Frame() {}

    /** A frame with its header filled in and room for the data behind it. */
    static byte[] allocate(int dataLength, int streamId, int type, int flags) {
        byte[] frame = new byte[HEADER + dataLength];
        putInt(frame, 0, dataLength);
        putInt(frame, 4, streamId);
        frame[8] = (byte) type;
        frame[9] = (byte) flags;
        return frame;
    }

    static byte[] empty(int streamId, int type, int flags) {
        return allocate(0, streamId, type, flags);
    }

    /** A body for that many bytes; frames without data share one. */
    static byte[] body(int length) {
        return length == 0 ? NOTHING : new byte[length];
    }

    /** Stream ids are given when a frame is queued, so that they reach the wire in order. */
    static void setStreamId(byte[] frame, int streamId) {
        putInt(frame, 4, streamId);
    }

    static int getInt(byte[] from, int at) {
        return ((from[at] & 0xff) << 24)
                | ((from[at + 1] & 0xff) << 16)
                | ((from[at + 2] & 0xff) << 8)
                | (from[at + 3] & 0xff);
    }

    private static void putInt(byte[] to, int at, int value) {
        to[at] = (byte) (value >>> 24);
        to[at + 1] = (byte) (value >>> 16);
        to[at + 2] = (byte) (value >>> 8);
        to[at + 3] = (byte) value;
    }
}
