package io.peerpods.cloud.aws.ec2world;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits for conditions. */
public final class Await {

    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private Await() {}

    /** Waits until it is so; an AssertionError after two minutes. */
    public static void until(String what, BooleanSupplier so) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!so.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within " + PATIENCE + ": " + what);
            }
            Thread.sleep(50);
        }
    }
}
