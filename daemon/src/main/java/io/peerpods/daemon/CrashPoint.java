package io.peerpods.daemon;

import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends this process without any clean-up at a chosen step, as {@code kill -9} would: so tests can crash a daemon after each thing that
 * it makes durable. Does nothing unless it was asked for. Thread-safe.
 */
public final class CrashPoint {

    /** What a process killed by SIGKILL reports to a shell. */
    public static final int EXIT = 137;

    /** The environment variable with the number of the step, from 1. */
    public static final String KEY = "PEERPODS_CRASH_AT";

    /** For the tables of the daemons. */
    public static final Setting SETTING = new Setting(
                    "crash-at",
                    KEY,
                    Setting.Kind.INT,
                    "0",
                    "For tests only: the daemon dies at that step as by kill -9, counted from 1 over journal writes, network changes, store"
                            + " writes and cloud requests; 0 is never. Given, every step is logged.")
            .shown(Setting.InConfigMap.ABSENT);

    private static final Logger log = LoggerFactory.getLogger(CrashPoint.class);

    private final int at;
    private final AtomicInteger steps = new AtomicInteger();

    private CrashPoint(int at) {
        this.at = at;
    }

    /** Dies at that step; 0 and less is never. */
    public static CrashPoint at(int step) {
        return new CrashPoint(step);
    }

    /** From the table's {@link #SETTING}. */
    public static CrashPoint of(Settings settings) {
        return at(settings.number(SETTING));
    }

    /** Never dies. */
    public static CrashPoint never() {
        return at(0);
    }

    /** The named thing has just been done. Does not return when it was the chosen one. */
    public void step(String name) {
        if (at <= 0) {
            return;
        }
        int number = steps.incrementAndGet();
        log.info("step {} {}", number, name);
        if (number == at) {
            Runtime.getRuntime().halt(EXIT);
        }
    }
}
