package io.peerpods.adaptor.sandbox;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** The time between tries of what must succeed some day: doubling, with an end, and never the same for all who wait. */
final class BackOff {

    private static final Duration FIRST = Duration.ofMillis(500);
    private static final Duration LONGEST = Duration.ofMinutes(1);

    private Duration next = FIRST;

    void sleep() throws InterruptedException {
        long millis = next.toMillis();
        Thread.sleep(millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2 + 1));
        next = next.multipliedBy(2).compareTo(LONGEST) < 0 ? next.multipliedBy(2) : LONGEST;
    }
}
