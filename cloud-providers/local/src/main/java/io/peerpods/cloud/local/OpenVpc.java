package io.peerpods.cloud.local;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.vpc.LocalVpc;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;

/**
 * A VPC that is opened in the background, where the start of the daemon need not wait for it. Callers wait for it; after a failure the
 * next one who wants it tries again.
 */
final class OpenVpc implements AutoCloseable {

    private final Supplier<LocalVpc> opening;
    private FutureTask<LocalVpc> task;
    private boolean closed;

    OpenVpc(Supplier<LocalVpc> opening) {
        this.opening = opening;
        this.task = begin();
    }

    private FutureTask<LocalVpc> begin() {
        FutureTask<LocalVpc> fresh = new FutureTask<>(opening::get);
        Thread.ofVirtual().name("vpc-open").start(fresh);
        return fresh;
    }

    LocalVpc get() throws CloudException, InterruptedException {
        FutureTask<LocalVpc> current = current();
        try {
            return current.get();
        } catch (ExecutionException e) {
            again(current);
            String why = Objects.requireNonNullElse(e.getCause(), e).getMessage();
            throw new CloudException.Unavailable(
                    Outcome.UNKNOWN,
                    "the local VPC cannot be opened: " + why
                            + "; the local provider needs root, and 'adaptor local -cleanup' removes a broken VPC",
                    e);
        }
    }

    private synchronized FutureTask<LocalVpc> current() {
        if (closed) {
            throw new IllegalStateException("the provider is closed");
        }
        return task;
    }

    private synchronized void again(FutureTask<LocalVpc> failed) {
        if (task.equals(failed) && !closed) {
            task = begin();
        }
    }

    /** Closes the VPC, also one that is just being opened. */
    @Override
    public void close() {
        FutureTask<LocalVpc> last;
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
