package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.Ran;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.VmProcesses;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * When the agent is lost, the shim ends the pod: its containers with status 255, its VM by StopVM, and nothing of it is left. The real
 * shim was seen to do the same ({@code KataPodsTest}, docs/interop.md).
 */
@Tag("root")
@NeedsDistributions
class ShimEndsThePodTest {

    private static final int LOST = 255;

    private static Lab lab;
    private static Adaptor adaptor;

    @BeforeAll
    static void start() throws Exception {
        lab = Lab.make();
        adaptor = lab.adaptor(new Adaptor.Options());
    }

    @AfterAll
    static void close() {
        lab.close();
    }

    @Test
    void aKilledKataAgentEndsThePodAndItsVm() throws Exception {
        ClusterPod cni = lab.cluster().newPod();
        try (WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {})) {
            new VmProcesses(pod.vm()).kataAgent().destroyForcibly();
            awaitLost(pod, cni);
        }
    }

    @Test
    void aKataAgentThatAnswersNoHealthCheckEndsThePodAndItsVm() throws Exception {
        ClusterPod cni = lab.cluster().newPod();
        try (WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {})) {
            long agent = new VmProcesses(pod.vm()).kataAgent().pid();
            Ran.run(List.of("kill", "-STOP", Long.toString(agent))).orThrow();
            awaitLost(pod, cni);
        }
    }

    @Test
    void aVmThatVanishesEndsThePod() throws Exception {
        ClusterPod cni = lab.cluster().newPod();
        try (WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {})) {
            new VmProcesses(pod.vm()).vanish();
            awaitLost(pod, cni);
        }
    }

    @Test
    void aKilledShimLeavesTheVmToTheNextStopVm() throws Exception {
        ClusterPod cni = lab.cluster().newPod();
        WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {});
        pod.close();
        assertThat(WholePod.findVm(lab.cluster(), pod.id())).isPresent();
        adaptor.shim().stopVm(pod.id());
        awaitNothingLeft(cni);
    }

    private static void awaitLost(WholePod pod, ClusterPod cni) throws Exception {
        assertThat(pod.kata().sandboxStatus().get(120, TimeUnit.SECONDS)).isEqualTo(LOST);
        assertThat(pod.kata().containerStatus().get(120, TimeUnit.SECONDS)).isEqualTo(LOST);
        pod.kata().over().get(120, TimeUnit.SECONDS);
        awaitNothingLeft(cni);
    }

    private static void awaitNothingLeft(ClusterPod cni) throws InterruptedException {
        List<Place> namespaces = List.of(new Place("the pod's namespace", cni.namespace()));
        Until.holds(
                "nothing is left",
                () -> LeftoverReport.ofPods(lab.cluster(), lab.cluster().worker(), namespaces, adaptor)
                        .isEmpty());
    }
}
