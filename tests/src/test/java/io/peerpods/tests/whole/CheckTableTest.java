package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.CheckTable;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.VpcSpec;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Every row of the check table, on pods that went the whole way; afterwards nothing of them is left. */
@Tag("root")
@NeedsDistributions
class CheckTableTest {

    @TestFactory
    List<DynamicTest> withTheSecondNic() throws Exception {
        return look(PodConnection.BY_POD_VM);
    }

    @TestFactory
    List<DynamicTest> withTheSecondNicAndAnEmptyList() throws Exception {
        return look(PodConnection.BY_POD_VM_UNLISTED);
    }

    @TestFactory
    List<DynamicTest> byTheWorker() throws Exception {
        return look(PodConnection.BY_WORKER);
    }

    @TestFactory
    List<DynamicTest> onJumboFrames() throws Exception {
        return look(PodConnection.BY_POD_VM_JUMBO);
    }

    private static List<DynamicTest> look(PodConnection setting) throws Exception {
        try (Lab lab = Lab.make(VpcSpec.DEFAULT.withMtu(setting.underlayMtu()))) {
            Adaptor adaptor = lab.adaptor(Adaptor.Options.of(setting));
            ClusterPod cni = lab.cluster().newPod();
            List<CheckTable.Finding> findings;
            try (WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {})) {
                PodTopology topology = pod.topology(setting);
                findings = CheckTable.look(topology, finding -> {});
                pod.stop();
            }
            List<Place> namespaces = List.of(new Place("the pod's namespace", cni.namespace()));
            Until.holds(
                    "nothing is left",
                    () -> LeftoverReport.ofPods(lab.cluster(), lab.cluster().worker(), namespaces, adaptor)
                            .isEmpty());
            assertThat(adaptor.daemon().terminate()).isZero();
            return findings.stream().map(CheckTableTest::test).toList();
        }
    }

    private static DynamicTest test(CheckTable.Finding finding) {
        return DynamicTest.dynamicTest(
                finding.row().name(),
                () -> assertThat(finding.proof().holds())
                        .as(finding.proof().words())
                        .isTrue());
    }
}
