package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.KataPod;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A second NIC that the cloud attaches long after the boot, and one that it never attaches. */
@Tag("root")
@NeedsDistributions
class SecondaryNicTest {

    @Test
    void aNicThatComesTwentySecondsLateIsWaitedFor() throws Exception {
        try (Lab lab = Lab.make()) {
            Adaptor adaptor =
                    lab.adaptor(Adaptor.Options.of(PodConnection.BY_POD_VM).flag("-local-second-nic=20s"));
            try (WholePod pod =
                    WholePod.start(lab.cluster(), adaptor, lab.cluster().newPod(), step -> {})) {
                PodTopology topology = pod.topology(PodConnection.BY_POD_VM);
                assertThat(topology.pingFromPod(topology.cluster().internetAddress())
                                .ok())
                        .isTrue();
                pod.stop();
            }
            Until.holds("the VM is gone", () -> lab.cluster().vpc().vms().isEmpty());
        }
    }

    @Test
    void aNicThatNeverComesFailsTheStartAndIsNamed() throws Exception {
        try (Lab lab = Lab.make()) {
            Adaptor adaptor = lab.adaptor(Adaptor.Options.of(PodConnection.BY_POD_VM)
                    .flag("-local-second-nic=never")
                    .flag("-podvm-agent-flags=-network-timeout=6s"));
            ClusterPod cni = lab.cluster().newPod();
            String id = KataPod.newId();
            adaptor.shim().createVm(id, cni.name(), "default", cni.namespace().toString());
            StatusRuntimeException failure = catchThrowableOfType(
                    StatusRuntimeException.class, () -> adaptor.shim().startVm(id));
            assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(failure.getStatus().getDescription())
                    .contains("default/" + cni.name())
                    .containsIgnoringCase("NIC");
            adaptor.shim().stopVm(id);
            Until.holds("the VM is gone", () -> lab.cluster().vpc().vms().isEmpty());
        }
    }
}
