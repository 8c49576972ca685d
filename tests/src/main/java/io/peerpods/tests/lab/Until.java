package io.peerpods.tests.lab;

import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for a condition; a machine under load only makes it later. */
public final class Until {

    /** Long enough for anything that ever happens. */
    public static final Duration DEADLINE = Duration.ofSeconds(90);

    private Until() {}

    public static void holds(String what, BooleanSupplier condition) throws InterruptedException {
        found(what, () -> condition.getAsBoolean() ? Optional.of(true) : Optional.empty());
    }

    /** The first thing that the supplier finds. */
    public static <T> T found(String what, Supplier<Optional<T>> supplier) throws InterruptedException {
        return found(what, DEADLINE, supplier);
    }

    public static <T> T found(String what, Duration deadline, Supplier<Optional<T>> supplier)
            throws InterruptedException {
        long end = System.nanoTime() + deadline.toNanos();
        while (true) {
            Optional<T> found = supplier.get();
            if (found.isPresent()) {
                return found.get();
            }
            if (System.nanoTime() - end > 0) {
                throw new IllegalStateException("not within " + deadline.toSeconds() + " s: " + what);
            }
            Thread.sleep(20);
        }
    }
}
