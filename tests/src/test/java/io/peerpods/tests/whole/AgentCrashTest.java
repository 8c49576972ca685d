package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.config.AgentConfig;
import io.peerpods.tests.lab.Daemon;
import io.peerpods.tests.lab.Distributions;
import io.peerpods.tests.lab.PlannedPod;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Until;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * podvm-agent's process dies at every step of setting its network up and of taking it down, as a counted run has them. Started again it
 * has the network as planned, and ended it leaves the VM as it was.
 */
@Tag("root")
@NeedsDistributions
class AgentCrashTest {

    private static final String UP = "the pod's network is up";

    @Test
    void whereverItDiesItGoesOnAndLeavesNothing() throws Exception {
        int steps;
        try (Lane lane = new Lane()) {
            steps = lane.count();
        }
        assertThat(steps).as("steps up and down").isGreaterThan(20);
        int died = CrashLanes.dieAtEach(steps, Lane::new);
        assertThat(died).as("runs that died").isEqualTo(steps);
    }

    /** A VM of its own, in whose network namespace the agent runs. */
    private static final class Lane implements CrashLanes.Lane {

        private final Lab lab = Lab.make();
        private final Path directory = lab.fresh("agent");
        private final PlannedPod pod;
        private final PodTopology topology;
        private final List<String> before;
        private int runs;

        Lane() throws Exception {
            Files.createDirectories(directory);
            pod = PlannedPod.plan(
                    lab.cluster(),
                    PodConnection.BY_POD_VM,
                    PlannedPod.SeatOnWorker.of(lab.cluster().newPod()),
                    "crashing");
            pod.freeAgentPort();
            topology = pod.topology();
            before = Network.of(topology.vm());
            Files.writeString(
                    directory.resolve("apf.json"),
                    AgentConfig.of("default", "crashing", pod.spec().toJson()).toJson());
        }

        private Daemon start(int step) {
            List<String> command = List.of(
                    Distributions.find()
                            .orElseThrow()
                            .podVmAgent()
                            .resolve("bin/podvm-agent")
                            .toString(),
                    "-config=" + directory.resolve("apf.json"),
                    "-user-data=none",
                    "-disable-tls",
                    "-pod-namespace=" + topology.inVm().namespace(),
                    "-kata-agent-socket=" + directory.resolve("kata.sock"),
                    "-state-dir=" + directory.resolve("state"));
            Path log = directory.resolve("log" + ++runs);
            return Daemon.start(topology.vm().inside(command), Map.of(CrashLanes.KEY, Integer.toString(step)), log);
        }

        int count() throws InterruptedException {
            try (Daemon agent = start(1_000_000)) {
                awaitUp(agent);
                assertUp(agent);
                agent.terminate();
                assertGone();
                return CrashLanes.steps(agent.log());
            }
        }

        @Override
        public int dieAt(int step) throws InterruptedException {
            boolean died;
            try (Daemon agent = start(step)) {
                awaitUp(agent);
                int status = agent.isAlive() ? agent.terminate() : agent.exitStatus();
                died = status == Daemon.KILLED;
            }
            try (Daemon agent = start(0)) {
                awaitUp(agent);
                assertUp(agent);
                agent.terminate();
            }
            assertGone();
            return died ? 1 : 0;
        }

        private static void awaitUp(Daemon agent) throws InterruptedException {
            Until.holds(
                    "the agent is up, or dead",
                    () -> !agent.isAlive() || agent.log().contains(UP));
        }

        private void assertUp(Daemon agent) {
            assertThat(agent.isAlive()).as(agent.log()).isTrue();
            assertThat(pod.differencesInVm()).as("plan against kernel").isEmpty();
        }

        private void assertGone() {
            assertThat(Network.of(topology.vm())).as("the VM's network").isEqualTo(before);
            assertThat(topology.inVm().namespace()).as("the pod's namespace").doesNotExist();
        }

        @Override
        public void close() {
            pod.close();
            lab.close();
        }
    }
}
