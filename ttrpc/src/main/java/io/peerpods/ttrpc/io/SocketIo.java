package io.peerpods.ttrpc.io;

import io.peerpods.ttrpc.frame.FrameDecoder;
import java.io.IOException;

/** The bytes between a connection's frames and its socket: as they are, or through TLS. */
interface SocketIo {
    enum Input {
        /** The socket has no more at the moment. */
        DRAINED,
        /** There may be more: ask again. */
        MORE,
        /** The peer sends nothing more. */
        END
    }

    /** Reads what the socket has, up to some amount, into the decoder. Only on the connection's I/O thread. */
    Input read(FrameDecoder decoder) throws IOException;

    /**
     * Writes as much of the queue as the socket takes. One caller at a time.
     *
     * @return false when the socket takes no more at the moment
     */
    boolean write(OutputQueue queue) throws IOException;

    /** Whether frames may flow. */
    boolean established();

    /** Says good-bye as far as the socket takes it. */
    void shutdown();
}
