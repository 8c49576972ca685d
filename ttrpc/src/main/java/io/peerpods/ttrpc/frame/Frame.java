package io.peerpods.ttrpc.frame;

import io.grpc.Status;
import java.nio.charset.StandardCharsets;

/**
 * The layout of a ttRPC frame: {@code length(4) stream(4) type(1) flags(1) data[length]}, integers big-endian and
 * unsigned (containerd/ttrpc channel.go). An encoded frame is one byte array, header included.
 */
public final class Frame {
    /** Bytes before the data. */
    public static final int HEADER = 10;

    /** Most data that a frame may carry, in either direction. */
    public static final int MAX_DATA = 4 << 20;

    public static final int REQUEST = 1;
    public static final int RESPONSE = 2;
    public static final int DATA = 3;

    /**
     * Ours: the pod VM's half of the agent path tells the worker's half that the agent is dead; the data says why. The protocol has peers
     * ignore types that they do not know. Stream 0.
     */
    public static final int AGENT_GONE = 0x47;

    /** Flag of a data frame: the sender sends nothing more on this stream. */
    public static final int REMOTE_CLOSED = 1;
    /** The sender goes on with data frames. */
    public static final int REMOTE_OPEN = 2;
    /** This data frame carries no message (an empty data frame without this flag is an empty message). */
    public static final int NO_DATA = 4;

    /** Longer texts of failures are cut: they come from exceptions and end in Kubernetes events. */
    private static final int MAX_TEXT = 4096;

    private static final byte[] NOTHING = {};

    private Frame() {}

    /** A frame with its header filled in and room for the data behind it. */
    public static byte[] allocate(int dataLength, int streamId, int type, int flags) {
        byte[] frame = new byte[HEADER + dataLength];
        putHeader(frame, dataLength, streamId, type, flags);
        return frame;
    }

    /** The header alone; that much data is to follow. */
    public static byte[] header(int dataLength, int streamId, int type, int flags) {
        byte[] header = new byte[HEADER];
        putHeader(header, dataLength, streamId, type, flags);
        return header;
    }

    private static void putHeader(byte[] to, int dataLength, int streamId, int type, int flags) {
        putInt(to, 0, dataLength);
        putInt(to, 4, streamId);
        to[8] = (byte) type;
        to[9] = (byte) flags;
    }

    /** A whole frame with this data. */
    public static byte[] of(int streamId, int type, int flags, byte[] data) {
        byte[] frame = allocate(data.length, streamId, type, flags);
        System.arraycopy(data, 0, frame, HEADER, data.length);
        return frame;
    }

    /** A whole response frame that fails its stream's call; a text beyond 4096 bytes is cut. */
    public static byte[] failure(int streamId, Status status) {
        String text = status.getDescription() == null ? status.getCode().name() : status.getDescription();
        return ResponseMessage.refusal(
                streamId, Status.fromCode(status.getCode()).withDescription(cut(text)));
    }

    /** What the sender of a frame with too much data is told; the text is containerd's. */
    public static String tooLong(long length) {
        return OversizedException.text(length);
    }

    private static String cut(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return bytes.length <= MAX_TEXT ? text : text.substring(0, MAX_TEXT / 4) + " ...";
    }

    public static byte[] empty(int streamId, int type, int flags) {
        return allocate(0, streamId, type, flags);
    }

    /** A body for that many bytes; frames without data share one. */
    static byte[] body(int length) {
        return length == 0 ? NOTHING : new byte[length];
    }

    /** Stream ids are given when a frame is queued, so that they reach the wire in order. */
    public static void setStreamId(byte[] frame, int streamId) {
        putInt(frame, 4, streamId);
    }

    public static int getInt(byte[] from, int at) {
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
