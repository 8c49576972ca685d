package io.peerpods.ttrpc.io;

import java.nio.channels.SelectionKey;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Decides whether a connection reads. Each reason not to read is set and cleared on its own; the connection reads when there is none.
 * Confined to the I/O thread, except {@link #taken}.
 */
final class ReadGate {

    /** Too much output waits for the peer. */
    static final int OUTPUT = 1;

    /** Handlers have not taken what was received. */
    static final int INPUT = 2;

    /** The user of the connection wants a pause. */
    static final int HELD = 4;

    private final Connection connection;
    private final long limit;
    private final AtomicLong received = new AtomicLong();
    private int pauses;

    /** @param limit bytes that may wait for handlers before reading stops */
    ReadGate(Connection connection, long limit) {
        this.connection = connection;
        this.limit = limit;
    }

    boolean isOpen() {
        return pauses == 0;
    }

    /** A message of that many bytes waits for its handler. */
    void held(int bytes) {
        if (bytes > 0 && received.addAndGet(bytes) > limit) {
            pause(INPUT);
        }
    }

    /** A message that was {@link #held} went to its handler. On any thread. */
    void taken(int bytes) {
        if (bytes == 0) {
            return;
        }
        long before = received.getAndAdd(-bytes);
        long half = limit / 2;
        if (before > half && before - bytes <= half) {
            connection.io().execute(() -> resume(INPUT));
        }
    }

    void pause(int reason) {
        if (pauses == 0) {
            connection.interest(SelectionKey.OP_READ, false);
        }
        pauses |= reason;
    }

    void resume(int reason) {
        if ((pauses & reason) == 0) {
            return;
        }
        if (reason == INPUT && received.get() > limit) {
            return;
        }
        pauses &= ~reason;
        if (pauses == 0 && connection.interest(SelectionKey.OP_READ, true)) {
            connection.readAgain();
        }
    }
}
