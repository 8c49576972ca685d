package io.peerpods.relay;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waiting for a condition, with a deadline that a loaded machine does not reach. */
final class Eventually {

    static final Duration LONG = Duration.ofSeconds(60);

    private Eventually() {}

    static void until(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + LONG.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("never happened: " + what);
            }
            Thread.sleep(5);
        }
    }
}
