package io.peerpods.ttrpc.io;

import java.io.IOException;
import java.time.Duration;

/**
 * The time limits of one connection: on the TLS handshake, on a server's first frame, on the rest of a frame, and on a peer that takes
 * no bytes. Confined to the I/O thread.
 */
final class StallWatch {

    private final Connection connection;
    private final Limits limits;
    private final long opened = System.nanoTime();

    private boolean heard;
    private long frameSince;
    private boolean insideFrame;
    private long stuckSince;
    private boolean stuck;
    private long stuckAt;

    StallWatch(Connection connection, Limits limits) {
        this.connection = connection;
        this.limits = limits;
    }

    /** A frame has begun to be handed on in pieces. */
    void frameBegan() {
        heard = true;
    }

    /** A whole frame came. */
    void frameCame() {
        heard = true;
        insideFrame = false;
    }

    /**
     * Reading has paused; a part of a frame may have come.
     *
     * @return whether a frame began just now, so that time counts from here
     */
    boolean insideFrame(boolean inside) {
        boolean began = inside && !insideFrame;
        if (began) {
            frameSince = System.nanoTime();
        }
        insideFrame = inside;
        return began;
    }

    /** Reading goes on after a pause of our own, which does not count against the peer. */
    void readsAgain() {
        if (insideFrame) {
            frameSince = System.nanoTime();
        }
    }

    /**
     * Closes the connection when a limit is exceeded.
     *
     * @param now {@link System#nanoTime}
     * @param reading whether the connection reads
     * @param decoding whether the decoder has a part of a frame
     * @return whether there is something to look at again
     */
    boolean check(
            long now, boolean established, boolean serves, boolean reading, boolean decoding, FrameWriter writer) {
        boolean watches = false;
        if (!established) {
            watches = expires("no TLS handshake", opened, now, limits.handshake());
        } else if (!heard && !decoding) {
            watches = serves && expires("no frame", opened, now, limits.firstFrame());
        }
        if (insideFrame && reading) {
            watches |= expires("an unfinished frame", frameSince, now, limits.frame());
        }
        boolean blocked = writer.isBlocked();
        if (blocked) {
            long mark = writer.writes();
            if (!stuck || stuckAt != mark) {
                stuck = true;
                stuckAt = mark;
                stuckSince = now;
            }
            watches |= expires("a peer that takes no bytes", stuckSince, now, limits.stall());
        } else {
            stuck = false;
        }
        return watches || insideFrame || blocked;
    }

    private boolean expires(String what, long since, long now, Duration limit) {
        if (limit.isZero()) {
            return false;
        }
        if (now - since > limit.toNanos()) {
            connection.close(new IOException(what + " for " + limit.toMillis() + " ms"));
        }
        return true;
    }
}
