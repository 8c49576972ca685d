package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.StoreException;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.daemon.Logs;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes store, kernel and cloud agree when the adaptor starts: a VM by its tags of this worker's, whose sandbox nobody knows, is
 * deleted, unless the kernel or an agent socket still carries that sandbox. A store that is new while either carries sandboxes has
 * lost its memory: then nothing is deleted, and the log says so.
 */
final class Reconciliation {

    private static final Logger log = LoggerFactory.getLogger(Reconciliation.class);
    private static final String RECOVERY = "recovery";

    private final Surroundings around;
    private final Sandboxes sandboxes;
    private final Set<SandboxId> carried = new TreeSet<>();
    private final Map<SandboxId, Thread> removals = new ConcurrentHashMap<>();
    private boolean recovery;
    private volatile boolean closed;
    private @Nullable Thread thread;

    Reconciliation(Surroundings around, Sandboxes sandboxes) {
        this.around = around;
        this.sandboxes = sandboxes;
    }

    /** Looks at kernel and agent sockets, before anything new is made. */
    void lookForRecovery() throws StoreException, IOException {
        carried.addAll(around.tunnels().carried());
        carried.addAll(around.directories().withSocket());
        carried.removeIf(id -> sandboxes.find(id).isPresent());
        boolean remembered = around.store().fact(RECOVERY).isPresent();
        recovery = !carried.isEmpty() && (around.store().isFresh() || remembered);
        if (recovery) {
            around.store().fact(RECOVERY, Optional.of(Instant.now().toString()));
            log.error(
                    "recovery: the store is new, yet kernel or agent sockets carry the sandboxes {}. No VM is deleted that is not"
                            + " stopped by name; remove the pods, or what is left of them, and start the adaptor again",
                    carried);
        } else if (remembered) {
            around.store().fact(RECOVERY, Optional.empty());
        } else if (!carried.isEmpty()) {
            log.warn(
                    "kernel or agent sockets carry sandboxes that are not in the store, their VMs are kept: {}",
                    carried);
        }
    }

    void begin() {
        thread = Thread.ofVirtual().name("reconcile").start(this::compareWithCloud);
    }

    private void compareWithCloud() {
        BackOff pause = new BackOff();
        try {
            while (true) {
                try {
                    compare(around.cloud().owned());
                    return;
                } catch (CloudException e) {
                    log.warn("cannot list this worker's VMs yet: {}", e.getMessage());
                    pause.sleep();
                } catch (RuntimeException | Error e) {
                    log.error("cannot compare with this worker's VMs yet", e);
                    pause.sleep();
                }
            }
        } catch (InterruptedException e) {
            // The end of the adaptor; the next one compares.
        }
    }

    private void compare(List<OwnedVm> owned) {
        int known = 0;
        for (OwnedVm vm : owned) {
            if (vm.sandbox().isEmpty()) {
                log.warn(
                        "{} in the cloud has this worker's tags, without a sandbox id: it is kept, look at it",
                        vm.id());
                continue;
            }
            SandboxId id = vm.sandbox().get();
            // Asked after the list was made: a sandbox is known before its VM is launched.
            if (sandboxes.find(id).isPresent()) {
                known++;
            } else if (recovery || carried.contains(id)) {
                log.warn("VM {} of unknown sandbox {} is kept", vm.id(), id);
            } else {
                log.warn("VM {} of unknown sandbox {} is an orphan", vm.id(), id);
                remove(id);
            }
        }
        log.info("{} VMs in the cloud are this worker's, {} of known sandboxes", owned.size(), known);
    }

    /** StopVM of a sandbox that is in no row: something to do only when something of it is still carried. */
    void stopUnknown(SandboxId id) {
        if (carried.contains(id)) {
            log.atInfo().addKeyValue(Logs.SANDBOX, id).log("stopping an unknown sandbox that is still carried");
            remove(id);
        }
    }

    private void remove(SandboxId id) {
        removals.computeIfAbsent(
                id, key -> Thread.ofVirtual().name("orphan-" + key).start(() -> removeAll(key)));
    }

    private void removeAll(SandboxId id) {
        BackOff pause = new BackOff();
        try (var _ = Logs.sandbox(id.value())) {
            while (!closed) {
                try {
                    around.tunnels().remove(id);
                    around.directories().remove(id);
                    around.cloud().delete(id.value(), NoLaunchLog.EMPTY);
                    around.steps().accept("cloud delete orphan");
                    log.info("nothing is left of orphan {}", id);
                    return;
                } catch (CloudException | IOException | RuntimeException | Error e) {
                    around.metrics().removalFailed();
                    log.warn("orphan cannot be removed yet: {}", e.getMessage());
                    pause.sleep();
                }
            }
        } catch (InterruptedException e) {
            // Found again by its tags at the next start.
        }
    }

    void close() throws InterruptedException {
        closed = true;
        List<Thread> threads = new ArrayList<>(removals.values());
        if (thread != null) {
            threads.add(thread);
        }
        for (Thread one : threads) {
            one.interrupt();
            one.join();
        }
    }
}
