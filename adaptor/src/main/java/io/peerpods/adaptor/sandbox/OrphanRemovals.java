package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.StoreException;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.SandboxId;
import io.peerpods.daemon.Logs;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes everything of sandboxes that have no {@link Sandbox}: tunnel, directory, VM and row, again and again until nothing is left.
 * Thread-safe; one removal runs for a sandbox at a time.
 */
final class OrphanRemovals {

    private static final Logger log = LoggerFactory.getLogger(OrphanRemovals.class);

    private final SandboxContext context;
    private final Map<SandboxId, Thread> running = new ConcurrentHashMap<>();
    private volatile boolean closed;

    OrphanRemovals(SandboxContext context) {
        this.context = context;
    }

    /** Begins unless it runs already. {@code gone} is run when nothing is left. */
    void begin(SandboxId id, LaunchLog launchLog, Runnable gone) {
        running.computeIfAbsent(
                id,
                key -> Thread.ofVirtual().name("orphan-" + key).start(() -> {
                    try {
                        removeAll(key, launchLog, gone);
                    } finally {
                        running.remove(key);
                    }
                }));
    }

    private void removeAll(SandboxId id, LaunchLog launchLog, Runnable gone) {
        BackOff pause = new BackOff();
        try (var _ = Logs.sandbox(id.value())) {
            while (!closed) {
                try {
                    context.tunnels().remove(id);
                    context.directories().remove(id);
                    delete(id, launchLog);
                    context.steps().accept("cloud delete orphan");
                    context.store().remove(id);
                    gone.run();
                    log.info("nothing is left of orphan {}", id);
                    return;
                } catch (CloudException | IOException | StoreException e) {
                    context.metrics().removalFailed();
                    log.warn("orphan cannot be removed yet: {}", e.getMessage());
                    pause.sleep();
                } catch (RuntimeException | Error e) {
                    // An Error may pass (no memory, a full descriptor table); the VM must go all the same.
                    context.metrics().removalFailed();
                    log.error("orphan cannot be removed yet", e);
                    pause.sleep();
                }
            }
        } catch (InterruptedException e) {
            // Found again by its row or its tags at the next start.
        }
    }

    private void delete(SandboxId id, LaunchLog launchLog) throws CloudException, InterruptedException {
        try {
            context.cloud().delete(id, launchLog);
        } catch (RuntimeException e) {
            // A launch log that the provider cannot read: what it made is found by its tags.
            log.warn("deleting by tags alone, the record of its launches is of no use: {}", e.getMessage());
            context.cloud().delete(id, NoLaunchLog.EMPTY);
        }
    }

    void close() throws InterruptedException {
        closed = true;
        List<Thread> threads = new ArrayList<>(running.values());
        for (Thread thread : threads) {
            thread.interrupt();
            thread.join();
        }
    }
}
