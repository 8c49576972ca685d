package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpAddresses;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.tests.lab.PlannedPod;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Ran;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A tunnel from before it is made until after it is gone. */
@NeedsRoot
@NeedsProgram({"ip", "tc", "nft", "nsenter", "unshare", "setsid", "ping"})
class TunnelLifeTest {

    @SuppressWarnings("NullAway.Init")
    private static Lab lab;

    @BeforeAll
    static void make() {
        lab = Lab.make();
    }

    @AfterAll
    static void end() {
        lab.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"BY_WORKER", "BY_POD_VM"})
    void undoingItLeavesTheWorkerAndTheVmAsTheyWere(PodConnection setting) throws Exception {
        try (PlannedPod pod = pod(setting)) {
            PodTopology topology = pod.topology();
            assertThat(pingToPod(topology).ok())
                    .as("the CNI's own namespace answers before")
                    .isTrue();
            List<String> worker = Network.of(topology.onWorker());
            List<String> vm = Network.of(topology.vm());
            pod.apply(UnaryOperator.identity());
            assertThat(Network.of(topology.onWorker())).isNotEqualTo(worker);
            pod.undo();
            assertThat(Network.of(topology.onWorker())).isEqualTo(worker);
            assertThat(Network.of(topology.vm())).isEqualTo(vm);
            assertThat(pingToPod(topology).ok())
                    .as("the CNI's own namespace answers again")
                    .isTrue();
        }
    }

    @Test
    void makingItTwiceChangesNothing() throws Exception {
        try (PlannedPod pod = pod(PodConnection.BY_POD_VM)) {
            pod.apply(UnaryOperator.identity());
            List<String> inVm = Network.of(pod.topology().inVm());
            List<String> onWorker = Network.of(pod.topology().onWorker());
            pod.apply(UnaryOperator.identity());
            assertThat(Network.of(pod.topology().inVm())).isEqualTo(inVm);
            assertThat(Network.of(pod.topology().onWorker())).isEqualTo(onWorker);
            assertThat(pod.differences()).isEmpty();
        }
    }

    @Test
    void whatSomebodyTookAwayIsSeenAndPutBack() throws Exception {
        try (PlannedPod pod = pod(PodConnection.BY_WORKER)) {
            pod.apply(UnaryOperator.identity());
            PodTopology topology = pod.topology();
            topology.onWorker().require("tc", "qdisc", "del", "dev", "eth0", "clsact");
            topology.inVm().require("ip", "route", "del", "default");
            // The redirect, the filter for hairpin frames before it, and the route.
            assertThat(pod.differences()).hasSize(3);
            pod.apply(UnaryOperator.identity());
            assertThat(pod.differences()).isEmpty();
            assertThat(pingToPod(topology).ok()).isTrue();
        }
    }

    /** The kernel keeps a VNI for the namespace that a vxlan was made from, wherever the device is. */
    @Test
    void itsVniIsTakenInTheWorkersNamespace() throws Exception {
        try (PlannedPod pod = pod(PodConnection.BY_WORKER)) {
            pod.apply(UnaryOperator.identity());
            int vni = pod.spec().vxlanId();
            assertThat(addVxlan(pod.topology(), vni).ok()).as("the same VNI").isFalse();
            Ran next = addVxlan(pod.topology(), vni + 1);
            pod.topology().worker().run("ip", "link", "del", "other0");
            assertThat(next.ok()).as("the next VNI").isTrue();
        }
    }

    /** The worker's own stack is silent while the pod is elsewhere: the pod answers ARP, with the hardware address it had. */
    @Test
    void thePodAnswersForItsAddress() throws Exception {
        try (PlannedPod pod = pod(PodConnection.BY_WORKER)) {
            pod.apply(UnaryOperator.identity());
            PodTopology topology = pod.topology();
            topology.worker().run("ip", "neigh", "flush", "dev", "cni0");
            assertThat(topology.pingToPod(topology.worker()).ok()).isTrue();
            String known = topology.worker().require("ip", "neigh", "show", IpAddresses.text(topology.podAddress()));
            assertThat(known).contains(topology.podMac().toString());
            assertThat(topology.inVm().require("ip", "link", "show", "eth0"))
                    .contains(topology.podMac().toString());
        }
    }

    /** The management address is an ordinary one of the VPC: only the agent's port is closed, so that port needs its TLS. */
    @Test
    void thePodReachesItsVmsManagementAddressItself() throws Exception {
        try (PlannedPod pod = pod(PodConnection.BY_POD_VM)) {
            PodTopology topology = pod.apply(UnaryOperator.identity()).topology();
            assertThat(topology.pingFromPod(topology.vmAddress()).ok()).isTrue();
            assertThat(topology.worker()
                            .run("ping", "-n", "-c", "1", "-W", "5", IpAddresses.text(topology.vmAddress()))
                            .ok())
                    .isTrue();
        }
    }

    private static PlannedPod pod(PodConnection setting) throws Exception {
        return PlannedPod.plan(
                lab.cluster(), setting, PlannedPod.SeatOnWorker.of(lab.cluster().newPod()), "alive");
    }

    private static Ran pingToPod(PodTopology topology) {
        return topology.pingToPod(topology.cluster().neighbour());
    }

    private static Ran addVxlan(PodTopology topology, int vni) {
        return topology.worker()
                .run(
                        "ip",
                        "link",
                        "add",
                        "other0",
                        "type",
                        "vxlan",
                        "id",
                        Integer.toString(vni),
                        "remote",
                        "10.10.1.9",
                        "dstport",
                        "4789");
    }
}
