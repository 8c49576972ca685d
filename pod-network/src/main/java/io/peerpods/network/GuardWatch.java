package io.peerpods.network;

import io.peerpods.linux.op.Difference;
import io.peerpods.linux.op.Plan;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts the guards back that a pod with NET_ADMIN has taken away: compares again and again, on a thread of its own, and repairs what
 * differs. Between a removal and the repair the pod is unguarded: this makes a hole short, it does not close it.
 */
final class GuardWatch implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(GuardWatch.class);

    private final Thread thread;
    private final AtomicLong repairs = new AtomicLong();

    /** Compares the plan with the kernel, makes it so again where it is not, and says what differed. */
    interface Repair extends Function<Plan, List<Difference>> {}

    private GuardWatch(Plan guards, Duration period, Repair repair) {
        thread = Thread.ofVirtual().name("guard-watch").unstarted(() -> watch(guards, period, repair));
    }

    static GuardWatch start(Plan guards, Duration period, Repair repair) {
        GuardWatch watch = new GuardWatch(guards, period, repair);
        watch.thread.start();
        return watch;
    }

    private void watch(Plan guards, Duration period, Repair repair) {
        String complaint = "";
        try {
            while (true) {
                Thread.sleep(period);
                try {
                    List<Difference> differences = repair.apply(guards);
                    complaint = "";
                    if (!differences.isEmpty()) {
                        repairs.incrementAndGet();
                        log.warn("something in the pod's namespace removed guards, they are back: {}", differences);
                    }
                } catch (RuntimeException | Error e) {
                    // The same failure every second is said once.
                    String message = String.valueOf(e.getMessage());
                    if (!message.equals(complaint)) {
                        complaint = message;
                        log.error("cannot put the guards of the pod's namespace back: {}", message);
                    }
                }
            }
        } catch (InterruptedException e) {
            log.debug("no longer watching the guards");
        }
    }

    /** How often something had to be put back. */
    long repairs() {
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
