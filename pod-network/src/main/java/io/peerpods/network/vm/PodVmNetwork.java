package io.peerpods.network.vm;

import io.peerpods.linux.netlink.NftablesEvents;
import io.peerpods.linux.op.Difference;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.guard.GuardWatch;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The network of a VM's one pod, from the first op to the last: waits for NICs, builds, learns name servers, keeps the guards up, tears down.
 * What was done is kept in a directory, so that a process started after a crash finishes the work: a set-up that was not completed is
 * taken back and begun anew, a completed one is only repaired, for a pod may be running on it. Thread safe.
 */
public final class PodVmNetwork implements AutoCloseable {
    private static final Duration GUARD_PERIOD = Duration.ofSeconds(1);

    private final Executor executor;
    private final Journal journal;
    private final Path complete;
    private final PodNetworkSpec spec;
    private final PodVmPlan.Place place;
    private final Duration guardPeriod;
    // One run at a time for a journal.
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<Op> learned = new LinkedHashSet<>();
    private @Nullable Plan plan;
    // Before the set-up nothing is known of the underlay.
    private TunnelRoutes tunnelRoutes;
    private @Nullable Guards guards;

    private PodVmNetwork(
            Executor executor, Path directory, PodNetworkSpec spec, PodVmPlan.Place place, Duration guardPeriod) {
        this.executor = executor;
        this.journal = Journal.open(directory.resolve("network.journal"));
        this.complete = directory.resolve("network.complete");
        this.spec = spec;
        this.place = place;
        this.tunnelRoutes = new TunnelRoutes(spec, place.pod(), spec.pod().mtu());
        this.guardPeriod = guardPeriod;
    }

    /** Changes nothing yet. The directory must exist and be lost with the kernel's state, at the next boot ({@code /run}). */
    public static PodVmNetwork open(Path directory, Executor executor, PodNetworkSpec spec, PodVmPlan.Place place) {
        return open(directory, executor, spec, place, GUARD_PERIOD);
    }

    public static PodVmNetwork open(
            Path directory, Executor executor, PodNetworkSpec spec, PodVmPlan.Place place, Duration guardPeriod) {
        return new PodVmNetwork(executor, directory, spec, place, guardPeriod);
    }

    /**
     * Waits for the NICs and makes everything so; again, it repairs. Afterwards the guards are watched until {@link #close()}.
     *
     * @throws PodNetworkException when a NIC does not come in time, or the spec cannot be carried out
     * @throws io.peerpods.linux.op.OpException when the kernel refuses an op: which, on what, and why
     */
    public void setUp(NicFacts.Source metadata, PodVmNics.Wait wait) throws PodNetworkException, InterruptedException {
        takeHalfDoneBack();
        // Without the lock: this may last minutes, and others want to close or tear down meanwhile.
        PodVmNics.Nics nics = PodVmNics.await(spec, place, metadata, wait);
        Plan wanted = PodVmPlan.of(spec, nics.underlay(), nics.external(), place);
        lock.lock();
        try {
            executor.apply(wanted, journal);
            markComplete();
            plan = wanted;
            tunnelRoutes = TunnelRoutes.of(spec, nics.underlay(), place.pod());
            if (guards == null) {
                guards = watchGuards(nics);
            }
        } finally {
            lock.unlock();
        }
    }

    /** The watches of both namespaces. */
    private record Guards(NftablesEvents events, GuardWatch vm, GuardWatch pod) {
        void close() {
            vm.close();
            pod.close();
            events.close();
        }
    }

    private Guards watchGuards(PodVmNics.Nics nics) {
        NftablesEvents events = new NftablesEvents();
        ForeignSources foreign = new ForeignSources(spec);
        Plan vm = PodVmPlan.vmGuards(spec, nics.external(), place);
        Plan pod = PodVmPlan.guards(spec, nics.underlay(), place);
        return new Guards(
                events,
                GuardWatch.start(
                        new GuardWatch.Where(place.vm(), "the VM's network namespace"),
                        guardPeriod,
                        () -> lookAtVm(vm, foreign),
                        events),
                GuardWatch.start(
                        new GuardWatch.Where(place.pod(), "the pod's network namespace"),
                        guardPeriod,
                        () -> repair(pod),
                        events));
    }

    private List<Difference> lookAtVm(Plan guards, ForeignSources foreign) {
        List<Difference> repaired = repair(guards);
        foreign.tell(place.vm());
        return repaired;
    }

    private void takeHalfDoneBack() {
        lock.lock();
        try {
            if (!journal.isEmpty() && !Files.exists(complete)) {
                executor.undo(journal);
            }
        } finally {
            lock.unlock();
        }
    }

    private void markComplete() {
        try {
            if (!Files.exists(complete)) {
                Files.createFile(complete);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot mark the pod's network as complete: " + complete, e);
        }
    }

    private List<Difference> repair(Plan part) {
        lock.lock();
        try {
            List<Difference> differences = executor.verify(part);
            if (!differences.isEmpty()) {
                executor.apply(part, journal);
            }
            return differences;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Leads the pod's way to these name servers through the tunnel, if it is not there already; see {@link NameServerRoutes}. Cheap
     * when there is no news.
     */
    public void addNameServers(Collection<InetAddress> servers) {
        lock.lock();
        try {
            Plan routes = NameServerRoutes.of(tunnelRoutes, servers);
            if (!learned.containsAll(routes.ops())) {
                executor.apply(routes, journal);
                learned.addAll(routes.ops());
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Plan against kernel; empty when all is as it should be.
     *
     * @throws IllegalStateException before {@link #setUp}
     */
    public List<Difference> verify() {
        lock.lock();
        try {
            if (plan == null) {
                throw new IllegalStateException("the pod's network has not been set up by this process");
            }
            List<Op> ops = new java.util.ArrayList<>(plan.ops());
            ops.addAll(learned);
            return executor.verify(new Plan(plan.owner(), ops));
        } finally {
            lock.unlock();
        }
    }

    /** How often guards had to be put back. */
    public long guardRepairs() {
        lock.lock();
        try {
            return guards == null ? 0 : guards.vm().repairs() + guards.pod().repairs();
        } finally {
            lock.unlock();
        }
    }

    /** Takes everything back, also what an earlier process did. Fine when there is nothing. */
    public void tearDown() {
        close();
        lock.lock();
        try {
            // Before undoing, lest a half-removed network counts as complete.
            Files.deleteIfExists(complete);
            executor.undo(journal);
            learned.clear();
            plan = null;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot remove " + complete, e);
        } finally {
            lock.unlock();
        }
    }

    /** Stops watching the guards; the network stays. */
    @Override
    public void close() {
        Guards watch;
        lock.lock();
        try {
            watch = guards;
            guards = null;
        } finally {
            lock.unlock();
        }
        // Outside the lock, which a repair under way needs.
        if (watch != null) {
            watch.close();
        }
    }
}
