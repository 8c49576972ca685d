package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.peerpods.ec2.faults.MotoServer;
import io.peerpods.linux.IpAddresses;
import io.peerpods.tests.aws.EmulatedEc2;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.CheckTable;
import io.peerpods.tests.lab.Distributions;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.VpcSpec;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The check table on a pod whose VM is an instance of an emulated EC2, launched by the provider {@code aws}. */
@Tag("root")
@NeedsDistributions
class EmulatedEc2Test {

    @TestFactory
    List<DynamicTest> withTheSecondNic() throws Exception {
        assumeTrue(MotoServer.program().isPresent(), "needs moto_server in PATH, or MOTO_SERVER to name it");
        PodConnection setting = PodConnection.BY_POD_VM;
        try (Lab lab = Lab.make(VpcSpec.DEFAULT.withMtu(setting.underlayMtu()));
                EmulatedEc2 ec2 =
                        EmulatedEc2.start(Distributions.find().orElseThrow(), lab.cluster(), lab.directory())) {
            Adaptor adaptor = lab.adaptor(ec2.options(setting));
            ClusterPod cni = lab.cluster().newPod();
            List<CheckTable.Finding> findings;
            try (WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {})) {
                assertThat(pod.vm().id()).startsWith("i-");
                assertThat(pod.vm().nics())
                        .extracting(nic -> IpAddresses.text(nic.ip()))
                        .as("the first addresses that EC2 gives away")
                        .containsExactly("10.10.0.4", "10.20.0.4");
                assertThat(ec2.calls()).containsEntry("RunInstances", 1);
                assertThat(ec2.left())
                        .as("an instance, two interfaces, a volume")
                        .hasSize(4);
                findings = CheckTable.look(pod.topology(setting), finding -> {});
                pod.stop();
            }
            List<Place> namespaces = List.of(new Place("the pod's namespace", cni.namespace()));
            Until.holds(
                    "nothing is left",
                    () -> LeftoverReport.ofPods(lab.cluster(), lab.cluster().worker(), namespaces, adaptor)
                            .isEmpty());
            Until.holds("nothing is left in EC2", () -> ec2.left().isEmpty());
            assertThat(adaptor.daemon().terminate()).isZero();
            return findings.stream().map(EmulatedEc2Test::test).toList();
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
