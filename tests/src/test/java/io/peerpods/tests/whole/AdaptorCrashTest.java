package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.room.ClusterPod;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Census;
import io.peerpods.tests.lab.Daemon;
import io.peerpods.tests.lab.KataPod;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.Setting;
import io.peerpods.tests.lab.Until;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The adaptor's process dies at every step of a sandbox's life, set-up and tear-down: every journal write, network change, store write
 * and cloud request, as a counted run has them. Started again, it stops that sandbox and leaves nothing, and it starts it again.
 */
@Tag("root")
@NeedsDistributions
class AdaptorCrashTest {

    private static final String KEY = "PEERPODS_CRASH_AT";
    private static final Pattern STEP = Pattern.compile("step \\d+ ");
    private static final int LANES = 2;

    @Test
    void whereverItDiesNothingIsLeftAndItGoesOn() throws Exception {
        int steps;
        try (Lane lane = new Lane()) {
            steps = lane.count();
        }
        assertThat(steps).as("steps of one life").isGreaterThan(10);
        // Threads interleave, so a life has a step more or less: beyond the last one nothing dies, which is no failure.
        List<Callable<Integer>> lanes = new ArrayList<>();
        for (int i = 0; i < LANES; i++) {
            int first = i + 1;
            lanes.add(() -> everyStep(first, steps));
        }
        int died = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(LANES)) {
            for (Future<Integer> each : threads.invokeAll(lanes)) {
                died += each.get();
            }
        }
        assertThat(died).as("runs that died, of %d", 2 * steps).isGreaterThanOrEqualTo(2 * (steps - 2));
    }

    /** Every {@link #LANES}th step from that one on; how many runs died. */
    private static int everyStep(int first, int last) throws Exception {
        int died = 0;
        try (Lane lane = new Lane()) {
            for (int step = first; step <= last; step += LANES) {
                for (boolean again : new boolean[] {false, true}) {
                    try {
                        died += lane.dieAt(step, again) ? 1 : 0;
                    } catch (Exception | AssertionError e) {
                        throw new AssertionError(
                                "dead at step " + step + (again ? ", started again: " : ", stopped: ") + e, e);
                    }
                }
            }
        }
        return died;
    }

    /** A cluster of its own, whose adaptor dies again and again. */
    private static final class Lane implements AutoCloseable {

        private final Lab lab = Lab.make();
        private final CheapMachines machines = CheapMachines.in(lab.cluster());
        private final ClusterPod cni = lab.cluster().newPod();

        private Adaptor start(int step) {
            Adaptor.Options options = Adaptor.Options.of(Setting.BY_WORKER)
                    .flag("-probe-port=off")
                    .flag("-metrics-listen=off")
                    .environment(KEY, Integer.toString(step));
            CheapMachines.flags(lab.fresh("image")).forEach(options::flag);
            return lab.start(options);
        }

        /** A whole life with a step that never comes; how many steps it has. */
        int count() throws InterruptedException {
            Adaptor adaptor = start(1_000_000).awaitReady();
            live(adaptor, KataPod.newId());
            awaitEndOfLife(adaptor);
            assertThat(adaptor.daemon().terminate()).isZero();
            return (int) STEP.matcher(adaptor.daemon().log()).results().count();
        }

        /** Whether it died at all. */
        boolean dieAt(int step, boolean again) throws InterruptedException {
            Adaptor adaptor = start(step);
            String id = KataPod.newId();
            boolean died = false;
            try {
                adaptor.awaitReady();
                live(adaptor, id);
                awaitEndOfLife(adaptor);
            } catch (StatusRuntimeException | UncheckedIOException | IllegalStateException e) {
                died = true;
                assertThat(adaptor.daemon().exitStatus()).as(String.valueOf(e)).isEqualTo(Daemon.KILLED);
            }
            if (!died && !adaptor.daemon().isAlive()) {
                died = true;
                assertThat(adaptor.daemon().exitStatus()).isEqualTo(Daemon.KILLED);
            }
            if (died) {
                adaptor.startAgain(Map.of(KEY, "0")).awaitReady();
            }
            if (again) {
                startAgain(adaptor, id);
            }
            adaptor.shim().stopVm(id);
            awaitNothingLeft(adaptor);
            assertThat(adaptor.daemon().terminate()).isZero();
            return died;
        }

        /** The removal goes on after StopVM's answer; its last word is in the log. */
        private static void awaitEndOfLife(Adaptor adaptor) throws InterruptedException {
            Until.holds(
                    "the sandbox is removed, or the adaptor dead",
                    () -> !adaptor.daemon().isAlive() || adaptor.daemon().log().contains("nothing is left of pod"));
        }

        private void live(Adaptor adaptor, String id) {
            adaptor.shim().createVm(id, cni.name(), "default", cni.namespace().toString());
            adaptor.shim().startVm(id);
            adaptor.shim().stopVm(id);
        }

        /** A sandbox whose removal has begun is not started again: Kata comes with a new id then. */
        private void startAgain(Adaptor adaptor, String id) throws InterruptedException {
            String whose = id;
            try {
                create(adaptor, whose);
                adaptor.shim().startVm(whose);
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).as(String.valueOf(e)).isEqualTo(Status.Code.ABORTED);
                awaitNothingLeft(adaptor);
                whose = KataPod.newId();
                create(adaptor, whose);
                adaptor.shim().startVm(whose);
            }
            adaptor.shim().stopVm(whose);
        }

        private void create(Adaptor adaptor, String id) {
            adaptor.shim().createVm(id, cni.name(), "default", cni.namespace().toString());
        }

        private void awaitNothingLeft(Adaptor adaptor) throws InterruptedException {
            Place worker = lab.cluster().worker();
            List<Place> pods = List.of(new Place(cni.name(), cni.namespace()));
            Until.holds(
                    "nothing is left",
                    () -> !adaptor.daemon().isAlive()
                            || Census.ofPods(lab.cluster(), worker, pods, adaptor)
                                    .isEmpty());
        }

        @Override
        public void close() {
            machines.close();
            lab.close();
        }
    }
}
