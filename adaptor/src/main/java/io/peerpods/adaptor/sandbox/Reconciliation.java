package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.StoreException;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.daemon.Logs;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Makes store, kernel and cloud agree, at the start and from time to time: a VM of this worker's, by its tags, whose sandbox is known
 * neither here nor to the kernel is deleted. It must be found so in two looks that are further apart than the cloud takes to show a
 * change. A store that is new while the kernel carries sandboxes has lost its memory: then nothing is deleted until they are gone, and
 * the log says so.
 */
final class Reconciliation {

    private static final Logger log = LoggerFactory.getLogger(Reconciliation.class);
    private static final String RECOVERY = "recovery";

    /** A second look is this much later than the cloud needs at most. */
    private static final Duration MARGIN = Duration.ofSeconds(1);

    private final SandboxContext context;
    private final Sandboxes sandboxes;
    private final OrphanRemovals removals;

    /** When each thing that seems to be an orphan was first seen so, by nanoTime. */
    private final Map<String, Long> suspects = new HashMap<>();

    private volatile Set<SandboxId> carried = Set.of();
    private boolean recovery;
    private boolean first = true;
    private @Nullable Thread thread;

    Reconciliation(SandboxContext context, Sandboxes sandboxes, OrphanRemovals removals) {
        this.context = context;
        this.sandboxes = sandboxes;
        this.removals = removals;
    }

    /** Looks at kernel and agent sockets, before anything new is made. */
    void lookForRecovery() throws StoreException, IOException {
        Set<SandboxId> alive = lookAround().alive();
        boolean remembered = context.store().fact(RECOVERY).isPresent();
        recovery = !alive.isEmpty() && (context.store().isFresh() || remembered);
        if (recovery) {
            context.store().fact(RECOVERY, Optional.of(Instant.now().toString()));
            log.error(
                    "recovery: the store is new, yet the kernel carries the sandboxes {}. No VM is deleted that is not stopped by name,"
                            + " until their pods are gone; delete those pods",
                    alive);
        } else if (remembered) {
            endRecovery();
        } else if (!alive.isEmpty()) {
            log.warn("the kernel carries sandboxes that are not in the store, their VMs are kept: {}", alive);
        }
    }

    private void endRecovery() throws StoreException {
        context.store().fact(RECOVERY, Optional.empty());
        recovery = false;
        log.info("recovery is over: the kernel carries no sandbox any more that is not in the store");
    }

    /** Sandboxes that are not in the store: of {@code alive} a pod is connected, of {@code dead} something was left behind. */
    private record Unknown(Set<SandboxId> alive, Set<SandboxId> dead) {}

    private Unknown lookAround() throws IOException {
        WorkerTunnels.Carried kernel = context.tunnels().carried();
        sandboxes.vnisInKernel(kernel.vnis());
        Set<SandboxId> alive = new TreeSet<>(kernel.alive());
        Set<SandboxId> dead = new TreeSet<>(kernel.dead());
        alive.removeIf(sandboxes::isKnown);
        for (SandboxId id : context.directories().withSocket()) {
            if (!sandboxes.isKnown(id)) {
                (context.directories().isServed(id) ? alive : dead).add(id);
            }
        }
        dead.removeIf(id -> alive.contains(id) || sandboxes.isKnown(id));
        Set<SandboxId> all = new TreeSet<>(alive);
        all.addAll(dead);
        carried = Set.copyOf(all);
        return new Unknown(alive, dead);
    }

    void begin() {
        thread = Thread.ofVirtual().name("reconcile").start(this::run);
    }

    private void run() {
        BackOff pause = new BackOff();
        try {
            while (true) {
                try {
                    compare();
                    pause = new BackOff();
                    Thread.sleep(untilNextLook());
                } catch (CloudException | IOException | StoreException e) {
                    log.warn("store, kernel and cloud cannot be compared yet: {}", e.getMessage());
                    pause.sleep();
                } catch (RuntimeException | Error e) {
                    log.error("store, kernel and cloud cannot be compared yet", e);
                    pause.sleep();
                }
            }
        } catch (InterruptedException e) {
            // The end of the adaptor; the next one compares.
        }
    }

    /** Workers that start together do not ask together for ever. */
    private Duration untilNextLook() {
        Duration interval = context.options().reconcileInterval();
        Duration second = context.cloud().consistencyWindow().plus(MARGIN);
        if (!suspects.isEmpty() && second.compareTo(interval) < 0) {
            return second;
        }
        return interval.plusMillis(ThreadLocalRandom.current().nextLong(interval.toMillis() / 10 + 1));
    }

    private void compare() throws CloudException, IOException, StoreException, InterruptedException {
        // The cloud first: a sandbox is known before its VM is launched.
        List<OwnedVm> owned = context.cloud().owned();
        Unknown unknown = lookAround();
        if (recovery && unknown.alive().isEmpty()) {
            endRecovery();
        }
        Set<String> suspected = new HashSet<>();
        Set<SandboxId> orphans = new TreeSet<>();
        int known = 0;
        int kept = 0;
        for (OwnedVm vm : owned) {
            Optional<SandboxId> sandbox = vm.sandbox();
            if (sandbox.filter(sandboxes::isKnown).isPresent() || sandboxes.hasVm(vm.id())) {
                known++;
            } else if (!mayDelete(vm, unknown.alive())) {
                kept++;
            } else {
                suspected.add(vm.id());
                if (isProven(vm.id())) {
                    sandbox.ifPresent(orphans::add);
                }
            }
        }
        for (SandboxId id : unknown.dead()) {
            suspected.add(id.value());
            if (isProven(id.value())) {
                orphans.add(id);
            }
        }
        suspects.keySet().retainAll(suspected);
        context.metrics().kept(kept);
        boolean isNews = first || known < owned.size();
        first = false;
        log.atLevel(isNews ? Level.INFO : Level.DEBUG)
                .log("{} VMs in the cloud are this worker's, {} of known sandboxes", owned.size(), known);
        orphans.forEach(this::remove);
    }

    private boolean mayDelete(OwnedVm vm, Set<SandboxId> alive) {
        if (vm.ofAnotherMachine()) {
            log.warn(
                    "{} in the cloud was made by another machine with this worker's cluster id and node name; it is never deleted here."
                            + " Where two machines run under this NODE_NAME, give each its own. Where this machine was replaced or"
                            + " installed anew, delete {} in the cloud",
                    vm.id(),
                    vm.id());
            return false;
        }
        if (vm.sandbox().isEmpty()) {
            log.warn(
                    "{} in the cloud has this worker's tags and no sandbox id among them; it is never deleted here: look at it, and delete"
                            + " it there when it is no longer needed",
                    vm.id());
            return false;
        }
        if (recovery || alive.contains(vm.sandbox().get())) {
            log.warn(
                    "VM {} of unknown sandbox {} is kept: the kernel carries sandboxes that are not in the store",
                    vm.id(),
                    vm.sandbox().get());
            return false;
        }
        return true;
    }

    /** Whether it was seen before, longer ago than the cloud takes to show a change. */
    private boolean isProven(String suspect) {
        long now = System.nanoTime();
        Long seen = suspects.putIfAbsent(suspect, now);
        if (seen == null) {
            log.warn(
                    "{} is of no known sandbox; when it still is so at the next look, it is removed as an orphan",
                    suspect);
            return false;
        }
        return now - seen > context.cloud().consistencyWindow().toNanos();
    }

    /** StopVM of a sandbox that is in no row: something to do only when something of it is still carried. */
    void stopUnknown(SandboxId id) {
        if (carried.contains(id)) {
            log.atInfo().addKeyValue(Logs.SANDBOX, id).log("stopping an unknown sandbox that is still carried");
            remove(id);
        }
    }

    private void remove(SandboxId id) {
        removals.begin(id, NoLaunchLog.EMPTY, () -> {});
    }

    void close() throws InterruptedException {
        Thread running = thread;
        if (running != null) {
            running.interrupt();
            running.join();
        }
    }
}
