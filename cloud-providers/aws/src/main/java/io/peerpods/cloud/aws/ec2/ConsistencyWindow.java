package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.calls.Time;
import java.time.Duration;

/**
 * How long EC2 may answer that something does not exist although it does: its API is consistent in the end only (EC2 API reference,
 * "Eventual consistency"). Within the window after the first such answer, "not found" says nothing. Thread-safe.
 */
public final class ConsistencyWindow {

    /** Longer than EC2 was ever seen to lag behind; Terraform waits as long. */
    public static final Duration USUAL = Duration.ofMinutes(2);

    private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);

    private final Duration length;
    private final Time time;

    public ConsistencyWindow(Duration length, Time time) {
        this.length = length;
        this.time = time;
    }

    /** A look at something, or an act on it. */
    public interface Look {
        /** Whether it was there. */
        boolean found() throws CloudException, InterruptedException;
    }

    /**
     * Repeats the look until it finds the thing, or has not found it for the whole window, at least twice.
     *
     * @return whether the thing was there; false: it is gone
     */
    public boolean finds(Look look) throws CloudException, InterruptedException {
        long end = time.nanos() + length.toNanos();
        Duration pause = FIRST_PAUSE;
        while (!look.found()) {
            long left = end - time.nanos();
            if (left <= 0) {
                return look.found();
            }
            time.sleep(pause.compareTo(Duration.ofNanos(left)) < 0 ? pause : Duration.ofNanos(left));
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
        return true;
    }
}
