package io.peerpods.relay;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;

/** Waiting for a condition, with a deadline that a loaded machine does not reach. */
final class Eventually {

    static final Duration LONG = Duration.ofSeconds(60);
    private static final int SETTLED_POLLS = 200;

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

    /** Until the value is above 0 and the same for a second: a slow machine may make it stop early, never fail. */
    static void settles(String what, IntSupplier value) throws InterruptedException {
        int[] last = {0, 0};
        until(what + " settles", () -> {
            int now = value.getAsInt();
            last[1] = now == last[0] ? last[1] + 1 : 0;
            last[0] = now;
            return now > 0 && last[1] == SETTLED_POLLS;
        });
    }

    /** Until the thread waits for something, or has ended. */
    static void waits(Thread thread) throws InterruptedException {
        until(thread + " waits", () -> switch (thread.getState()) {
            case WAITING, TIMED_WAITING, TERMINATED -> true;
            case NEW, RUNNABLE, BLOCKED -> false;
        });
    }
}
