package io.peerpods.network.guard;

import java.time.Duration;

/**
 * How long a watch rests after it has looked: hardly after one change, longer and longer while changes go on, so that a program that
 * changes rules all the time, or removes ours again and again, costs little. For one thread.
 */
final class Pace {
    private static final Duration FIRST = Duration.ofMillis(20);
    /** After nothing had to be repaired. */
    private static final Duration LOOK_LIMIT = Duration.ofMillis(200);
    /** Without a guard for so long, as without events. */
    private static final Duration REPAIR_LIMIT = Duration.ofSeconds(1);

    private Duration rest = Duration.ZERO;

    /**
     * The rest before the next look.
     *
     * @param waited for the change that led to this look
     */
    Duration after(Duration waited, boolean repaired) {
        if (waited.compareTo(REPAIR_LIMIT) >= 0) {
            rest = Duration.ZERO;
        }
        Duration limit = repaired ? REPAIR_LIMIT : LOOK_LIMIT;
        Duration longer = rest.isZero() ? FIRST : rest.multipliedBy(2);
        rest = longer.compareTo(limit) < 0 ? longer : limit;
        return rest;
    }
}
