package io.peerpods.relay;

import java.time.Duration;
import java.util.function.Consumer;

/** Limits how often something is logged. Thread-safe. */
final class Rarely {

    private final long between;
    private boolean begun;
    private long last;
    private long left;

    Rarely(Duration between) {
        this.between = between.toNanos();
    }

    /** Logs, unless that was done a short time ago; the text says how often it was not, empty for never. */
    void run(Consumer<String> log) {
        String text;
        synchronized (this) {
            long now = System.nanoTime();
            if (begun && now - last < between) {
                left++;
                return;
            }
            text = left == 0 ? "" : " (and " + left + " times more)";
            begun = true;
            last = now;
            left = 0;
        }
        log.accept(text);
    }
}
