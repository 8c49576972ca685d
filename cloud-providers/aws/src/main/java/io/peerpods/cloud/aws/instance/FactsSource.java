package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Finding.Level;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gathers {@link LaunchFacts} in the background, again and again until it succeeds, and anew when a call has failed in a way that makes
 * them doubtful. Who needs them waits for an attempt, but not for an EC2 that does not answer. Thread-safe.
 */
public final class FactsSource implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(FactsSource.class);

    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

    /** How long a launch waits for an attempt. */
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** A first attempt under way for longer than this is a problem. */
    private static final Duration SLOW = Duration.ofSeconds(5);

    /** How they are gathered. */
    public interface Gathering {
        /**
         * Asks the cloud for all facts that a launch needs.
         *
         * @param problems takes each thing that does not work
         */
        LaunchFacts gather(Problems problems) throws CloudException, InterruptedException;
    }

    private final Gathering gathering;
    private final Duration patience;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final long begun = System.nanoTime();

    private @Nullable LaunchFacts facts;
    private @Nullable CloudException failure;
    private List<Finding> problems = List.of();
    private long attempts;
    private boolean wanted;
    private boolean doubtful;
    private boolean ended;
    private @Nullable Thread thread;

    public FactsSource(Gathering gathering) {
        this(gathering, PATIENCE);
    }

    FactsSource(Gathering gathering, Duration patience) {
        this.gathering = gathering;
        this.patience = patience;
    }

    /** Begins to gather. Called once. */
    public void begin() {
        thread = Thread.ofVirtual().name("launch-facts").start(this::run);
    }

    /**
     * The facts. Where they are missing, the next attempt is made at once and waited for.
     *
     * @throws CloudException what that attempt failed with, or that it has no answer yet
     */
    public LaunchFacts get() throws CloudException, InterruptedException {
        lock.lockInterruptibly();
        try {
            if (facts == null) {
                wanted = true;
                changed.signalAll();
                awaitAttempt(attempts + 1, patience);
            }
            if (facts != null) {
                return facts;
            }
            if (failure != null) {
                throw failure;
            }
            throw new Unavailable(
                    Outcome.NOT_DONE,
                    ended
                            ? "the provider is closed"
                            : "EC2 has not answered within " + patience.toSeconds()
                                    + " s; it is asked again in the background");
        } finally {
            lock.unlock();
        }
    }

    /**
     * A call to EC2 has failed as it would with credentials that have expired, an image that is gone or an endpoint that is down: the facts
     * are gathered anew. Those known are used until an attempt has failed.
     */
    public void lookAgain() {
        lock.lock();
        try {
            doubtful = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the first attempt has ended, whatever came of it, or the time is over. */
    public boolean awaitFirst(Duration time) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            return awaitAttempt(1, time);
        } finally {
            lock.unlock();
        }
    }

    private boolean awaitAttempt(long number, Duration time) throws InterruptedException {
        long left = time.toNanos();
        while (attempts < number && facts == null && !ended && left > 0) {
            left = changed.awaitNanos(left);
        }
        return attempts >= number;
    }

    /** See {@link io.peerpods.cloud.CloudProvider#problems}. */
    public List<Finding> problems() {
        lock.lock();
        try {
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun);
            if (attempts == 0 && seconds >= SLOW.toSeconds()) {
                return List.of(new Finding(Level.ERROR, "EC2", "has not answered for " + seconds + " s"));
            }
            return problems;
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        try {
            while (true) {
                gather();
                awaitDoubt();
                pause(FIRST_PAUSE);
            }
        } catch (InterruptedException e) {
            // The provider is closed: those who wait are told below.
        } finally {
            end();
        }
    }

    private void gather() throws InterruptedException {
        Duration pause = FIRST_PAUSE;
        while (!attempt()) {
            pause(pause);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
    }

    private void awaitDoubt() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!doubtful) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean attempt() throws InterruptedException {
        Problems found = new Problems();
        lock.lockInterruptibly();
        try {
            doubtful = false;
        } finally {
            lock.unlock();
        }
        try {
            finished(Optional.of(gathering.gather(found)), null, List.of());
            return true;
        } catch (CloudException e) {
            List<Finding> all = found.found();
            failed(e, all.isEmpty() ? List.of(new Finding(Level.ERROR, "EC2", String.valueOf(e.getMessage()))) : all);
        } catch (RuntimeException | Error e) {
            log.error("the things that a launch depends on could not be looked at", e);
            String said = "the things that a launch depends on could not be looked at: " + e;
            failed(new Unavailable(Outcome.NOT_DONE, said, e), List.of(new Finding(Level.ERROR, "EC2", said)));
        }
        return false;
    }

    private void failed(CloudException e, List<Finding> found) {
        boolean news = !found.equals(problems());
        finished(Optional.empty(), e, found);
        if (news) {
            found.forEach(problem -> log.warn(
                    "no pod can be launched yet, EC2 is asked again: {}: {}", problem.what(), problem.detail()));
        }
    }

    private void finished(Optional<LaunchFacts> gathered, @Nullable CloudException e, List<Finding> found) {
        lock.lock();
        try {
            if (gathered.isPresent() && failure != null) {
                log.info("pods can be launched now");
            }
            facts = gathered.orElse(null);
            failure = e;
            problems = found;
            attempts++;
            wanted = false;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Lets the pause pass; a launch that needs the facts ends it. */
    private void pause(Duration pause) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long left = pause.toNanos();
            while (!wanted && left > 0) {
                left = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    private void end() {
        lock.lock();
        try {
            ended = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        if (thread != null) {
            thread.interrupt();
        }
    }
}
