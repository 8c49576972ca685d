package io.peerpods.ttrpc.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The output of one connection. Any thread queues frames; a thread that finds no other one writing writes everything that waits, so the
 * frames of many calls leave in one system call. Thread-safe where nothing else is said.
 */
final class FrameWriter {

    /** Above this much waiting output, in bytes, a call is not ready for more, and a server reads no more requests. */
    private static final int HIGH_WATER = 1 << 20;

    private static final int LOW_WATER = HIGH_WATER / 4;

    private final Connection connection;
    private final IoThread io;
    private final SocketIo socket;
    private final long limit;
    private final OutputQueue queue;
    private final AtomicInteger flushes = new AtomicInteger();
    private final AtomicLong writes = new AtomicLong();

    /** The socket took no more: the selector says when it does again. */
    private volatile boolean blocked;

    private volatile boolean crowded;
    private volatile @Nullable IOException goodbye;

    /** Used only by the thread that writes. */
    private boolean saidGoodbye;

    /** Confined to the I/O thread. */
    private boolean flushPending;

    /** @param limit bytes that may wait */
    FrameWriter(Connection connection, SocketIo socket, OutputQueue queue, long limit) {
        this.connection = connection;
        this.io = connection.io();
        this.socket = socket;
        this.queue = queue;
        this.limit = limit;
    }

    boolean isCrowded() {
        return crowded;
    }

    boolean isBlocked() {
        return blocked;
    }

    /** Writes so far; the number stands still while the peer takes nothing. */
    long writes() {
        return writes.get();
    }

    /** Why the connection is to close once everything is written; null when it is not. */
    @Nullable
    IOException goodbye() {
        return goodbye;
    }

    /**
     * Queues a frame and sees to it that it leaves.
     *
     * @param numbered gives the frame its stream id, in the order of the wire
     * @return false when the connection is closed or more waits than may; then nothing was queued
     */
    boolean send(byte[] frame, Connection.@Nullable Numbered numbered) {
        long waiting;
        synchronized (queue) {
            if (!connection.isOpen() || queue.bytes() + frame.length > limit) {
                return false;
            }
            if (numbered != null && !numbered.number(frame)) {
                return false;
            }
            waiting = queue.add(frame);
        }
        leave(waiting);
        return true;
    }

    /** Begins a frame of which the data is to come by {@link #append}. Both on the I/O thread. */
    void begin(byte[] header, int length) {
        synchronized (queue) {
            if (!connection.isOpen()) {
                return;
            }
            queue.begin((long) header.length + length);
        }
        append(ByteBuffer.wrap(header));
    }

    /** More of the frame that was begun. Has no limit: the caller stops reading while this is crowded. */
    void append(ByteBuffer data) {
        long waiting;
        synchronized (queue) {
            if (!connection.isOpen()) {
                data.position(data.limit());
                return;
            }
            waiting = queue.append(data);
        }
        leave(waiting);
    }

    private void leave(long waiting) {
        if (waiting > HIGH_WATER && !crowded) {
            becomeCrowded();
        }
        if (io.inside()) {
            if (!flushPending) {
                flushPending = true;
                io.flushLater(connection);
            }
        } else {
            flush();
        }
    }

    private void becomeCrowded() {
        synchronized (queue) {
            if (queue.bytes() <= HIGH_WATER) {
                return;
            }
            crowded = true;
        }
        connection.crowded();
    }

    void flushNow() {
        flushPending = false;
        flush();
    }

    /** The socket takes bytes again. On the I/O thread. */
    void unblocked() {
        blocked = false;
        flush();
    }

    /** Writes what waits. One thread does; others leave their frames to it. */
    void flush() {
        if (flushes.getAndIncrement() != 0) {
            return;
        }
        int seen = flushes.get();
        do {
            writeOut();
            seen = flushes.addAndGet(-seen);
        } while (seen != 0);
    }

    private void writeOut() {
        if (blocked || !connection.isOpen()) {
            return;
        }
        try {
            boolean drained = socket.write(queue);
            writes.incrementAndGet();
            if (!drained) {
                blocked = true;
                io.execute(connection::waitForSocket);
            }
            if (crowded && queue.bytes() <= LOW_WATER) {
                crowded = false;
                io.execute(connection::relieved);
            }
            IOException cause = goodbye;
            if (drained && cause != null) {
                partFrom(cause);
            }
        } catch (IOException e) {
            connection.close(e);
        } catch (RuntimeException | Error e) {
            connection.failed(e);
        }
    }

    /** Closes the connection when everything that waits was written, with a TLS good-bye. */
    void finish(IOException cause) {
        goodbye = cause;
        flush();
    }

    /** Everything is written and the connection is to go. Part of {@link #writeOut}. */
    private void partFrom(IOException cause) {
        if (saidGoodbye) {
            connection.close(cause);
        } else {
            saidGoodbye = true;
            socket.shutdown();
            flush();
        }
    }

    /** Drops what waits. */
    void clear() {
        synchronized (queue) {
            queue.clear();
        }
    }
}
