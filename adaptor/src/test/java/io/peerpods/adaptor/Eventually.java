package io.peerpods.adaptor;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for a condition, generously. */
final class Eventually {

    private static final Duration LIMIT = Duration.ofSeconds(90);

    private Eventually() {}

    static void holds(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!condition.call()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("still not so after " + LIMIT.toSeconds() + " s: " + what);
            }
            Thread.sleep(20);
        }
    }
}
