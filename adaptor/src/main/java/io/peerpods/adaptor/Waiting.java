package io.peerpods.adaptor;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a start waits for, such as a lock that the adaptor before it still holds: said at once and from time to time in the log, and
 * always to probes. A signal ends the wait. Used by the starting thread; {@link #reason} by any.
 */
final class Waiting {

    private static final Logger log = LoggerFactory.getLogger(Waiting.class);
    private static final Duration PAUSE = Duration.ofMillis(100);
    private static final Duration REMINDER = Duration.ofSeconds(30);

    private final CountDownLatch stop;
    private final Runnable onWait;
    private volatile String reason = "";

    /**
     * @param stop counted down by a signal
     * @param onWait is run when a wait begins
     */
    Waiting(CountDownLatch stop, Runnable onWait) {
        this.stop = stop;
        this.onWait = onWait;
    }

    /** Why the start does not go on; empty when it does. */
    String reason() {
        return reason;
    }

    interface Attempt<T> {
        Optional<T> get() throws IOException;
    }

    /**
     * Tries until it succeeds.
     *
     * @param why says what is waited for and the way out
     * @throws InterruptedException when the daemon is to end
     */
    <T> T until(Attempt<T> attempt, Supplier<String> why) throws IOException, InterruptedException {
        Optional<T> result = attempt.get();
        if (result.isPresent()) {
            return result.get();
        }
        reason = why.get();
        onWait.run();
        long said = System.nanoTime();
        log.warn("waiting: {}", reason);
        while (result.isEmpty()) {
            pause(PAUSE);
            result = attempt.get();
            if (System.nanoTime() - said > REMINDER.toNanos()) {
                said = System.nanoTime();
                reason = why.get();
                log.warn("still waiting: {}", reason);
            }
        }
        log.info("the wait is over");
        reason = "";
        return result.get();
    }

    /** Lets the time pass, with that reason for probes. */
    void pause(Duration time, String why) throws InterruptedException {
        reason = why;
        onWait.run();
        pause(time);
        reason = "";
    }

    private void pause(Duration time) throws InterruptedException {
        if (stop.await(time.toNanos(), TimeUnit.NANOSECONDS)) {
            throw new InterruptedException("a signal came before the start was over");
        }
    }
}
