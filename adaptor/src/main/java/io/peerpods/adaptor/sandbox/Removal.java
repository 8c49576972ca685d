package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.cloud.CloudException;
import io.peerpods.daemon.Logs;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes everything of a sandbox, again and again until nothing is left: first the agent socket and the tunnel, so that the stopped pod
 * no longer answers for its address, then the VM. No deadline and no hang-up of a caller ends it; an adaptor that starts again
 * begins it anew.
 */
final class Removal {

    private static final Logger log = LoggerFactory.getLogger(Removal.class);

    private final Sandbox sandbox;
    private final @Nullable Start before;
    private final CountDownLatch quiet = new CountDownLatch(1);
    private final CountDownLatch end = new CountDownLatch(1);
    private final Thread thread;
    private boolean localGone;
    private boolean cloudGone;

    /** @param before the start that must have ended first */
    Removal(Sandbox sandbox, @Nullable Start before) {
        this.sandbox = sandbox;
        this.before = before;
        this.thread = Thread.ofVirtual().name("remove-" + sandbox.id()).unstarted(this::run);
    }

    void begin() {
        thread.start();
    }

    void interrupt() {
        thread.interrupt();
    }

    private boolean isBegun() {
        return thread.getState() != Thread.State.NEW;
    }

    /** Waits until socket and tunnel are gone; false when they are not within that time, or when the next adaptor removes them. */
    boolean awaitQuiet(Duration time) throws InterruptedException {
        return isBegun() && quiet.await(time.toNanos(), TimeUnit.NANOSECONDS);
    }

    void awaitEnd() throws InterruptedException {
        if (isBegun()) {
            end.await();
        }
    }

    private void run() {
        SandboxRow row = sandbox.row();
        try (var _ = Logs.sandbox(row.id().value())) {
            if (before != null) {
                before.awaitEnd();
            }
            BackOff pause = new BackOff();
            while (!tryAll()) {
                pause.sleep();
            }
            log.info(
                    "nothing is left of pod {} and its VM {}",
                    row.pod(),
                    row.spec().name());
        } catch (InterruptedException e) {
            log.info("the removal of pod {} goes on when the adaptor is back", row.pod());
        } finally {
            quiet.countDown();
            end.countDown();
        }
    }

    private boolean tryAll() throws InterruptedException {
        removeLocal();
        removeCloud();
        if (!localGone || !cloudGone) {
            return false;
        }
        try {
            sandbox.forget();
            return true;
        } catch (Exception | Error e) {
            log.error("the sandbox cannot be forgotten yet: {}", e.getMessage(), e);
            return false;
        }
    }

    private void removeLocal() {
        if (localGone) {
            return;
        }
        try {
            sandbox.closeRelay();
            sandbox.context().tunnels().remove(sandbox.id());
            sandbox.context().directories().remove(sandbox.id());
            localGone = true;
        } catch (IOException | RuntimeException | Error e) {
            sandbox.context().metrics().removalFailed();
            log.error("tunnel or directory cannot be removed yet: {}", e.getMessage(), e);
        }
        quiet.countDown();
    }

    private void removeCloud() throws InterruptedException {
        if (cloudGone) {
            return;
        }
        SandboxRow row = sandbox.row();
        if (row.launchLog().isEmpty() && row.vm().isEmpty()) {
            // A provider writes before it asks the cloud for anything: nothing was ever asked.
            cloudGone = true;
            return;
        }
        try {
            sandbox.context().cloud().delete(row.id(), sandbox.launchLog());
            sandbox.context().steps().accept("cloud delete");
            cloudGone = true;
        } catch (CloudException e) {
            sandbox.context().metrics().removalFailed();
            log.warn("VM {} cannot be deleted yet: {}", row.spec().name(), e.getMessage());
        } catch (RuntimeException | Error e) {
            // A fault of ours; the VM must go all the same.
            sandbox.context().metrics().removalFailed();
            log.error("VM {} cannot be deleted yet", row.spec().name(), e);
        }
    }
}
