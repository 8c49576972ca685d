package io.peerpods.cloud.local;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.room.Room;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/**
 * A room that is opened in the background, where the start of the daemon need not wait for it. Whoever wants it waits; after a failure the
 * next one who wants it tries again.
 */
final class OpenRoom implements AutoCloseable {

    private final Supplier<Room> opening;
    private FutureTask<Room> task;
    private boolean closed;

    OpenRoom(Supplier<Room> opening) {
        this.opening = opening;
        this.task = begin();
    }

    private FutureTask<Room> begin() {
        FutureTask<Room> fresh = new FutureTask<>(opening::get);
        Thread.ofVirtual().name("room-open").start(fresh);
        return fresh;
    }

    Room get() throws CloudException, InterruptedException {
        FutureTask<Room> current = current();
        try {
            return current.get();
        } catch (ExecutionException e) {
            again(current);
            String why = Objects.requireNonNullElse(e.getCause(), e).getMessage();
            throw new CloudException.Unavailable(
                    Outcome.UNKNOWN,
                    "the machine room cannot be opened: " + why
                            + "; the local provider needs root, and 'adaptor local -cleanup' removes a broken room",
                    e);
        }
    }

    private synchronized FutureTask<Room> current() {
        if (closed) {
            throw new IllegalStateException("the provider is closed");
        }
        return task;
    }

    private synchronized void again(FutureTask<Room> failed) {
        if (task.equals(failed) && !closed) {
            task = begin();
        }
    }

    /** Closes the room, also one that is just being opened. */
    @Override
    public void close() {
        FutureTask<Room> last;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            last = task;
        }
        try {
            last.get().close();
        } catch (ExecutionException e) {
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
