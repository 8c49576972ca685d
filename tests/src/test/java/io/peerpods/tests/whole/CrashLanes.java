package io.peerpods.tests.whole;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;

/** A daemon dies at every step of its life in turn: in several lanes at once, each with a lab of its own. */
final class CrashLanes {

    /** The environment's name for the step to die at. */
    static final String KEY = "PEERPODS_CRASH_AT";

    private static final Pattern STEP = Pattern.compile("step \\d+ ");
    private static final int LANES = 2;

    private CrashLanes() {}

    /** One lab, in which the daemon dies again and again. */
    interface Lane extends AutoCloseable {

        /** Dies at that step and goes on from there; how many runs died. */
        int dieAt(int step) throws Exception;

        @Override
        void close();
    }

    /** How many steps a log tells of. */
    static int steps(String log) {
        return (int) STEP.matcher(log).results().count();
    }

    /** Every step from the first to that one; how many runs died. */
    static int dieAtEach(int steps, Callable<? extends Lane> lane) throws Exception {
        List<Callable<Integer>> lanes = new ArrayList<>();
        for (int i = 0; i < LANES; i++) {
            int first = i + 1;
            lanes.add(() -> everyStep(lane, first, steps));
        }
        int died = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(LANES)) {
            for (Future<Integer> each : threads.invokeAll(lanes)) {
                died += each.get();
            }
        }
        return died;
    }

    /** Every {@link #LANES}th step from that one on. */
    private static int everyStep(Callable<? extends Lane> made, int first, int last) throws Exception {
        int died = 0;
        try (Lane lane = made.call()) {
            for (int step = first; step <= last; step += LANES) {
                try {
                    died += lane.dieAt(step);
                } catch (Exception | AssertionError e) {
                    throw new AssertionError("dead at step " + step + ": " + e, e);
                }
            }
        }
        return died;
    }
}
