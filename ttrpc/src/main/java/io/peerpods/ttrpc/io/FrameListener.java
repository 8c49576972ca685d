package io.peerpods.ttrpc.io;

import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * What speaks the protocol on a connection. Called on the connection's I/O thread, where it must not block; {@link #closed} on
 * any thread, once.
 */
public interface FrameListener {

    /** The connection carries frames from now on. */
    void established();

    /**
     * The header of a frame came, which is no longer than frames may be.
     *
     * @return true to get its data by {@link #piece} as it comes, false to get the {@link #frame} when it is whole
     */
    default boolean begin(int streamId, int type, int flags, int length) {
        return false;
    }

    /**
     * More data of the frame that was begun; its length says which piece is the last.
     *
     * @param data valid until this returns
     */
    default void piece(ByteBuffer data) {}

    /**
     * A whole frame came.
     *
     * @param body its data, the listener's to keep
     */
    void frame(int streamId, int type, int flags, byte[] body);

    /** A frame of more than {@link Frame#MAX_DATA} came and was skipped. */
    void oversized(int streamId, long length);

    /** The output fell below the mark under which more may be sent. */
    void writable();

    /** The connection is gone; what was not sent by now never is. */
    void closed(IOException cause);

    /**
     * Whether the peer is a caller: it may be asked for its first frame, and is made to take its answers before more of its
     * requests are read.
     */
    boolean serves();
}
