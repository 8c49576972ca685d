package io.peerpods.network.worker;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.NftablesEvents;
import io.peerpods.linux.op.Difference;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.OpException;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.guard.GuardWatch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Keeps up the nft rules of all sandboxes of a worker, in its own namespace and in those of pods: what a firewall's reload takes away is
 * put back at once. Thread safe.
 */
public final class WorkerGuards implements AutoCloseable {
    /** Only for what the kernel's events do not tell: it costs a listing of the rules. */
    private static final Duration PERIOD = Duration.ofSeconds(30);

    private final Executor executor;
    private final NetnsRef worker;
    private final NftablesEvents events = new NftablesEvents();
    private final AtomicLong repairs = new AtomicLong();
    // Held while rules of one sandbox are put back: after forget() nothing of it is.
    // Fair: a call for one sandbox does not wait until those of all others are back.
    private final ReentrantLock lock = new ReentrantLock(true);
    private final Map<String, Guarded> guarded = new HashMap<>();
    private @Nullable GuardWatch watch;
    private boolean closed;

    /** What of a sandbox is in the worker's namespace, and the watch of the pod's when there is something in it. */
    private record Guarded(Plan onWorker, @Nullable GuardWatch inPod) {}

    /**
     * Watches nothing yet.
     *
     * @param worker the worker's own namespace: {@link NetnsRef#OWN} but in tests
     */
    public WorkerGuards(Executor executor, NetnsRef worker) {
        this.executor = executor;
        this.worker = worker;
    }

    /** Watches the rules of a plan that has just been applied, until {@link #forget}. */
    public void watch(String sandboxId, Plan plan) {
        forget(sandboxId);
        Plan onWorker = rules(plan, true);
        Plan inPod = rules(plan, false);
        lock.lock();
        try {
            if (closed) {
                return;
            }
            if (watch == null) {
                watch = GuardWatch.start(
                        new GuardWatch.Where(worker, "the worker's network namespace"),
                        PERIOD,
                        this::repairOnWorker,
                        events);
            }
            guarded.put(sandboxId, new Guarded(onWorker, inPod.ops().isEmpty() ? null : watchPod(sandboxId, inPod)));
        } finally {
            lock.unlock();
        }
    }

    private Plan rules(Plan plan, boolean onWorker) {
        return new Plan(
                plan.owner(),
                plan.ops().stream()
                        .filter(op -> op instanceof Op.Nft || op instanceof Op.Hairpin)
                        .filter(op -> op.ns().equals(worker) == onWorker)
                        .toList());
    }

    private GuardWatch watchPod(String sandboxId, Plan plan) {
        NetnsRef pod = plan.ops().getFirst().ns();
        return GuardWatch.start(
                new GuardWatch.Where(pod, "the pod's network namespace " + pod + " of sandbox " + sandboxId),
                PERIOD,
                () -> repairInPod(plan),
                events);
    }

    private List<Difference> repairInPod(Plan plan) {
        List<Difference> differences = executor.verify(plan);
        if (!differences.isEmpty()) {
            try {
                executor.restore(plan);
            } catch (OpException e) {
                if (e.getCause() instanceof LinuxException cause && cause.isGone()) {
                    // The CNI has taken the pod's interface away, or the namespace as a whole.
                    throw new GuardWatch.NamespaceGone(e);
                }
                throw e;
            }
            repairs.incrementAndGet();
        }
        return differences;
    }

    private List<Difference> repairOnWorker() {
        List<String> ids = new ArrayList<>();
        List<Plan> plans = new ArrayList<>();
        lock.lock();
        try {
            guarded.forEach((id, sandbox) -> {
                ids.add(id);
                plans.add(sandbox.onWorker());
            });
        } finally {
            lock.unlock();
        }
        List<Difference> repaired = new ArrayList<>();
        List<OpException> failures = new ArrayList<>();
        executor.verifyAll(plans).forEach((index, differences) -> {
            try {
                if (restore(ids.get(index), plans.get(index))) {
                    repaired.addAll(differences);
                }
            } catch (OpException e) {
                failures.add(e);
            }
        });
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
        return repaired;
    }

    /** False when the sandbox has gone since, or is another. */
    private boolean restore(String id, Plan plan) {
        lock.lock();
        try {
            Guarded known = guarded.get(id);
            if (known == null || !known.onWorker().equals(plan)) {
                return false;
            }
            executor.restore(plan);
            repairs.incrementAndGet();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Puts nothing of the sandbox back from now on; returns when nothing is being put back. Fine when it is not watched. */
    public void forget(String sandboxId) {
        Guarded known;
        lock.lock();
        try {
            known = guarded.remove(sandboxId);
        } finally {
            lock.unlock();
        }
        if (known != null && known.inPod() != null) {
            known.inPod().close();
        }
    }

    /** How often rules of a sandbox had to be put back, in one namespace. */
    public long repairs() {
        return repairs.get();
    }

    /** Stops watching; the rules stay. */
    @Override
    public void close() {
        List<Guarded> all;
        GuardWatch ofWorker;
        lock.lock();
        try {
            closed = true;
            all = List.copyOf(guarded.values());
            guarded.clear();
            ofWorker = watch;
        } finally {
            lock.unlock();
        }
        for (Guarded one : all) {
            if (one.inPod() != null) {
                one.inPod().close();
            }
        }
        if (ofWorker != null) {
            ofWorker.close();
        }
        events.close();
    }
}
