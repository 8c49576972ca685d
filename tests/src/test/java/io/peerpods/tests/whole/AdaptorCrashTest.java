package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Daemon;
import io.peerpods.tests.lab.KataPod;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.Until;
import io.peerpods.vpc.model.ClusterPod;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The adaptor's process dies at every step of a sandbox's life, set-up and tear-down: every journal write, network change, store write
 * and cloud request, as a counted run has them. Started again, it stops that sandbox and leaves nothing, and it starts it again.
 */
@Tag("root")
@NeedsDistributions
class AdaptorCrashTest {

    @Test
    void whereverItDiesNothingIsLeftAndItGoesOn() throws Exception {
        int steps;
        try (Lane lane = new Lane()) {
            steps = lane.count();
        }
        assertThat(steps).as("steps of one life").isGreaterThan(10);
        // Threads interleave, so a life has a step more or less: beyond the last one nothing dies, which is no failure.
        int died = CrashLanes.dieAtEach(steps, Lane::new);
        assertThat(died).as("runs that died, of %d", 2 * steps).isGreaterThanOrEqualTo(2 * (steps - 2));
    }

    /** A cluster of its own, whose adaptor dies again and again. */
    private static final class Lane implements CrashLanes.Lane {

        private final Lab lab = Lab.make();
        private final CheapMachines machines = CheapMachines.in(lab.cluster());
        private final ClusterPod cni = lab.cluster().newPod();

        private Adaptor start(int step) {
            Adaptor.Options options = Adaptor.Options.of(PodConnection.BY_WORKER)
                    .flag("-probe-port=off")
                    .flag("-metrics-listen=off")
                    .environment(CrashLanes.KEY, Integer.toString(step));
            CheapMachines.flags(lab.fresh("image")).forEach(options::flag);
            return lab.start(options);
        }

        /** A whole life with a step that never comes; how many steps it has. */
        int count() throws InterruptedException {
            Adaptor adaptor = start(1_000_000).awaitReady();
            live(adaptor, KataPod.newId());
            awaitEndOfLife(adaptor);
            assertThat(adaptor.daemon().terminate()).isZero();
            return CrashLanes.steps(adaptor.daemon().log());
        }

        @Override
        public int dieAt(int step) {
            int died = 0;
            for (boolean again : new boolean[] {false, true}) {
                try {
                    died += dieAt(step, again) ? 1 : 0;
                } catch (Exception | AssertionError e) {
                    throw new AssertionError((again ? "started again: " : "stopped: ") + e, e);
                }
            }
            return died;
        }

        /** Whether it died at all. */
        private boolean dieAt(int step, boolean again) throws InterruptedException {
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
                adaptor.startAgain(Map.of(CrashLanes.KEY, "0")).awaitReady();
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
                            || LeftoverReport.ofPods(lab.cluster(), worker, pods, adaptor)
                                    .isEmpty());
        }

        @Override
        public void close() {
            machines.close();
            lab.close();
        }
    }
}
