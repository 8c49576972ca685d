package io.peerpods.ttrpc.io;

import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;

/**
 * A socket with ttRPC frames in both directions, for those who hand frames on instead of calling or serving. Thread-safe where
 * nothing else is said. The owner closes it.
 */
public final class FrameConnection {
    private final Connection connection;

    private FrameConnection(Connection connection) {
        this.connection = connection;
    }

    /**
     * Takes a connected socket over; frames come after {@link #start}.
     *
     * @param io moves the bytes and calls the listener
     * @param peer who is at the other end, for messages; an internet address gets TCP's keep-alive
     * @param limits of which the number of connections and streams are the listener's to keep
     * @param tls an engine that was not begun, or null for a plain connection
     */
    public static FrameConnection of(
            IoThread io,
            SocketChannel socket,
            SocketAddress peer,
            Limits limits,
            @Nullable SSLEngine tls,
            FrameListener listener) {
        return new FrameConnection(new Connection(io, socket, peer, limits, tls, self -> listener));
    }

    /** Begins to read; the listener hears when the connection is established, or why it is not. */
    public void start() {
        connection.io().execute(connection::open);
    }

    public IoThread io() {
        return connection.io();
    }

    public boolean isOpen() {
        return connection.isOpen();
    }

    /** Whether less than 1 MiB waits; when it did not, {@link FrameListener#writable} tells of the change. */
    public boolean isWritable() {
        return connection.isWritable();
    }

    /**
     * Queues a whole frame and sees to it that it leaves.
     *
     * @return false when the connection is closed or more waits than may; then nothing was queued
     */
    public boolean send(byte[] frame) {
        return connection.send(frame);
    }

    /** Gives a frame its stream id, in the order of the wire; must be short and not send anything itself. */
    public interface Numbering {
        void number(byte[] frame);
    }

    /** As {@link #send(byte[])}, for a frame that gets its stream id at the last moment. */
    public boolean send(byte[] frame, Numbering numbering) {
        return connection.send(frame, queued -> {
            numbering.number(queued);
            return true;
        });
    }

    /**
     * Begins a frame whose data is not there yet; frames that are sent before its end wait. On the I/O thread, one at a time.
     *
     * @param dataLength of what follows by {@link #append}
     */
    public void begin(int dataLength, int streamId, int type, int flags) {
        connection.begin(Frame.header(dataLength, streamId, type, flags), dataLength);
    }

    /** More of the frame that was begun; is copied. */
    public void append(ByteBuffer data) {
        connection.append(data);
    }

    /** Reads nothing until {@link #resume}; what was read already may still come. On the I/O thread. */
    public void pause() {
        connection.hold();
    }

    /** The end of a {@link #pause}; several of those have one end. On the I/O thread. */
    public void resume() {
        connection.goOn();
    }

    /** So much of what came is kept; beyond {@link Limits#receivedBytes} nothing more is read until it is {@link #taken}. */
    public void held(int bytes) {
        connection.held(bytes);
    }

    public void taken(int bytes) {
        connection.taken(bytes);
    }

    /** Closes at once, with a good-bye as far as the socket takes it. A second call has no effect. */
    public void close(IOException cause) {
        connection.closeOrderly(cause);
        connection.close(cause);
    }

    /** Closes once everything that waits is written. */
    public void finish(IOException cause) {
        connection.closeOrderly(cause);
    }
}
