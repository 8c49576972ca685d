package io.peerpods.ttrpc.io;

import static java.util.Objects.requireNonNull;

import io.peerpods.ttrpc.frame.Frame;
import java.time.Duration;

/**
 * What a peer may take from a server or a channel before it is refused or cut off. A duration of zero is no limit.
 *
 * @param connections open connections of a server; one more is closed as soon as it was accepted (a channel ignores it)
 * @param streams calls in progress on one connection; one more is answered RESOURCE_EXHAUSTED
 * @param handshake time for the TLS handshake
 * @param firstFrame time from the open connection to the peer's first byte; an established connection is never timed
 *     out for being idle
 * @param frame time for one frame, from its first byte to its last
 * @param stall time in which a peer takes not one byte of what waits for it
 * @param queuedBytes bytes that may wait for one peer; a server drops the connection that needs more, a channel fails
 *     the call. A server also refuses requests beyond that many bytes of requests in progress on one connection
 * @param receivedBytes bytes received on one connection that no handler asked for yet; above, the connection is not
 *     read until handlers catch up
 */
public record Limits(
        int connections,
        int streams,
        Duration handshake,
        Duration firstFrame,
        Duration frame,
        Duration stall,
        int queuedBytes,
        int receivedBytes) {

    private static final Limits LOCAL = new Limits(
            1024,
            16_384,
            Duration.ofSeconds(10),
            Duration.ZERO,
            Duration.ofSeconds(60),
            Duration.ofSeconds(60),
            64 << 20,
            8 << 20);

    public Limits {
        requireNonNull(handshake, "handshake");
        requireNonNull(firstFrame, "firstFrame");
        requireNonNull(frame, "frame");
        requireNonNull(stall, "stall");
        if (connections < 1 || streams < 1) {
            throw new IllegalArgumentException("limits of connections and streams must be at least 1");
        }
        if (queuedBytes < Frame.MAX_DATA + Frame.HEADER || receivedBytes < 1) {
            throw new IllegalArgumentException("a limit of queued bytes must have room for one frame of 4 MiB");
        }
    }

    /** For unix sockets: a peer may open a connection and never write (Kata's log forwarder does). */
    public static Limits local() {
        return LOCAL;
    }

    /** For TCP and TLS: as {@link #local()}, and the first frame must come within 30 s. */
    public static Limits network() {
        return LOCAL.withFirstFrame(Duration.ofSeconds(30));
    }

    public Limits withConnections(int count) {
        return new Limits(count, streams, handshake, firstFrame, frame, stall, queuedBytes, receivedBytes);
    }

    public Limits withStreams(int count) {
        return new Limits(connections, count, handshake, firstFrame, frame, stall, queuedBytes, receivedBytes);
    }

    public Limits withHandshake(Duration time) {
        return new Limits(connections, streams, time, firstFrame, frame, stall, queuedBytes, receivedBytes);
    }

    public Limits withFirstFrame(Duration time) {
        return new Limits(connections, streams, handshake, time, frame, stall, queuedBytes, receivedBytes);
    }

    public Limits withFrame(Duration time) {
        return new Limits(connections, streams, handshake, firstFrame, time, stall, queuedBytes, receivedBytes);
    }

    public Limits withStall(Duration time) {
        return new Limits(connections, streams, handshake, firstFrame, frame, time, queuedBytes, receivedBytes);
    }

    public Limits withQueuedBytes(int bytes) {
        return new Limits(connections, streams, handshake, firstFrame, frame, stall, bytes, receivedBytes);
    }

    public Limits withReceivedBytes(int bytes) {
        return new Limits(connections, streams, handshake, firstFrame, frame, stall, queuedBytes, bytes);
    }
}
