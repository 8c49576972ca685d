package io.peerpods.network.guard;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NftablesEvents;
import io.peerpods.linux.op.Difference;
import io.peerpods.linux.op.NetnsRef;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts the guards of one namespace back that another program has taken away: compares when the kernel tells of a change of a table of
 * ours, and from time to time, and repairs what differs. Between a removal and the repair there is no guard: this makes a hole short,
 * it does not close it.
 */
public final class GuardWatch implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(GuardWatch.class);

    /** All tables of ours begin with it. */
    private static final String TABLES = "peerpods";

    private final Where where;
    private final Supplier<List<Difference>> repair;
    private final Duration period;
    private final Semaphore changes = new Semaphore(0);
    private final AtomicLong repairs = new AtomicLong();
    private final Pace pace = new Pace();
    private final RepairLog repairLog;
    private final Thread thread;
    private String complaint = "";

    /**
     * Which namespace.
     *
     * @param name for messages, as {@code the pod's namespace in the VM}
     */
    public record Where(NetnsRef namespace, String name) {}

    private GuardWatch(Where where, Duration period, Supplier<List<Difference>> repair, NftablesEvents events) {
        this.where = where;
        this.repair = repair;
        this.period = period;
        this.repairLog = new RepairLog(where.name(), InstantSource.system());
        thread = Thread.ofVirtual().name("guard-watch").unstarted(() -> watch(events));
    }

    /**
     * Begins to watch. The first comparison is after the first change, or the period.
     *
     * @param repair compares, makes it so again where it is not, and says what differed. Throws {@link NamespaceGone} to end the watch
     */
    public static GuardWatch start(
            Where where, Duration period, Supplier<List<Difference>> repair, NftablesEvents events) {
        GuardWatch watch = new GuardWatch(where, period, repair, events);
        watch.thread.start();
        return watch;
    }

    /** There is nothing left to guard. */
    public static final class NamespaceGone extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public NamespaceGone(Throwable cause) {
            super(cause);
        }
    }

    private void watch(NftablesEvents events) {
        Optional<NftablesEvents.Subscription> subscription = Optional.empty();
        try {
            subscription = subscribe(events);
            watch(subscription);
        } catch (NamespaceGone e) {
            log.debug("nothing is left to guard in {}", where.name(), e);
        } catch (InterruptedException e) {
            log.debug("no longer watching the guards in {}", where.name());
        } finally {
            subscription.ifPresent(NftablesEvents.Subscription::close);
        }
    }

    private Optional<NftablesEvents.Subscription> subscribe(NftablesEvents events) {
        try (Netns netns = where.namespace().open()) {
            return Optional.of(events.subscribe(netns, table -> table.startsWith(TABLES), changes::release));
        } catch (RuntimeException e) {
            if (e instanceof LinuxException refused && refused.isGone()) {
                throw new NamespaceGone(e);
            }
            log.error(
                    "changes of the guards in {} are noticed every {} ms only: {}",
                    where.name(),
                    period.toMillis(),
                    e.getMessage());
            return Optional.empty();
        }
    }

    private void watch(Optional<NftablesEvents.Subscription> subscription) throws InterruptedException {
        while (true) {
            long from = System.nanoTime();
            boolean changed = changes.tryAcquire(period.toNanos(), TimeUnit.NANOSECONDS);
            Duration waited = Duration.ofNanos(System.nanoTime() - from);
            changes.drainPermits();
            boolean repaired = look(subscription);
            if (changed || repaired) {
                Thread.sleep(pace.after(waited, repaired));
            }
        }
    }

    private boolean look(Optional<NftablesEvents.Subscription> subscription) {
        try {
            subscription.ifPresent(NftablesEvents.Subscription::rearm);
            List<Difference> differences = repair.get();
            complaint = "";
            if (!differences.isEmpty()) {
                repairs.incrementAndGet();
                repairLog.repaired(differences);
            }
            return !differences.isEmpty();
        } catch (NamespaceGone e) {
            throw e;
        } catch (RuntimeException | Error e) {
            // The same failure every second is said once.
            String message = String.valueOf(e.getMessage());
            if (!message.equals(complaint)) {
                complaint = message;
                log.error("cannot put the guards in {} back, trying again: {}", where.name(), message);
            }
            // Soon, not after the period.
            changes.release();
            return true;
        }
    }

    /** How often something had to be put back. */
    public long repairs() {
        return repairs.get();
    }

    /** Returns when nothing is being repaired any more. */
    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
