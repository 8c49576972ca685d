package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.op.Plan;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Counter;
import io.peerpods.tests.lab.OpKind;
import io.peerpods.tests.lab.PlannedPod;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Ran;
import io.peerpods.vpc.model.VpcBehaviour;
import io.peerpods.vpc.model.VpcSpec;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * Addresses that are not in {@code pod-subnet-cidrs} of a pod with an external network: what it starts towards them leaves by the second
 * NIC, what comes from them by the tunnel is answered by the tunnel.
 */
@NeedsRoot
@NeedsProgram({"ip", "tc", "nft", "nsenter", "unshare", "setsid", "ping"})
class UnlistedTest {

    @Test
    void whatThePodStartsTowardsAnotherNodesPodsIsLostWithoutAList() throws Exception {
        pod(VpcBehaviour.EC2, List.of(), UnaryOperator.identity(), topology -> {
            InetAddress distant = topology.cluster().distantAddress();
            try (Counter worker = topology.worker().count("prerouting", flow(topology.podAddress(), distant));
                    Counter router = topology.cluster().router().count("prerouting", "ip daddr " + text(distant))) {
                assertThat(topology.impatient().pingFromPod(distant).ok()).isFalse();
                assertThat(worker.packets()).as("packets on the worker").isZero();
                assertThat(router.packets()).as("packets at the VPC's router").isEqualTo(1);
            }
            assertThat(topology.pingToPod(topology.cluster().distant()).ok())
                    .as("the other way round it works: the answer goes by the tunnel")
                    .isTrue();
            assertThat(topology.pingFromPod(topology.cluster().neighbourAddress())
                            .ok())
                    .as("the pod's own network stays on the tunnel")
                    .isTrue();
        });
    }

    @Test
    void withTheListItIsNot() throws Exception {
        pod(VpcBehaviour.EC2, Cluster.LISTED, UnaryOperator.identity(), topology -> {
            assertThat(topology.pingFromPod(topology.cluster().distantAddress()).ok())
                    .isTrue();
            assertThat(topology.pingToPod(topology.cluster().distant()).ok()).isTrue();
        });
    }

    /** Without the source rule the answer takes the second NIC with the pod's own address on it, and a cloud drops that. */
    @Test
    void aCloudThatChecksSourcesLosesAnswersByTheWrongNic() throws Exception {
        UnaryOperator<Plan> noRule = OpKind.RULE::leftOutOf;
        pod(VpcBehaviour.EC2, Cluster.LISTED, noRule, topology -> {
            assertThat(probe(topology.impatient(), topology.cluster().workerAddress())
                            .ok())
                    .as("from the node's VPC address")
                    .isFalse();
            assertThat(probe(topology, topology.cluster().bridgeAddress()).ok())
                    .as("from its address among the pods, which is listed")
                    .isTrue();
        });
        VpcBehaviour unchecked = VpcBehaviour.EC2.without(VpcBehaviour.Switch.SOURCE_CHECK);
        pod(
                unchecked,
                Cluster.LISTED,
                noRule,
                topology -> assertThat(probe(topology, topology.cluster().workerAddress())
                                .ok())
                        .as("without the check, the answer arrives by the other way")
                        .isTrue());
    }

    @Test
    void theSourceRuleOrTheNodeInTheListRepairsThat() throws Exception {
        pod(
                VpcBehaviour.EC2,
                Cluster.LISTED,
                UnaryOperator.identity(),
                topology -> assertThat(probe(topology, topology.cluster().workerAddress())
                                .ok())
                        .as("with the source rule")
                        .isTrue());
        List<String> withNode = new ArrayList<>(Cluster.LISTED);
        withNode.add("10.10.0.1/32");
        pod(
                VpcBehaviour.EC2,
                withNode,
                OpKind.RULE::leftOutOf,
                topology -> assertThat(probe(topology, topology.cluster().workerAddress())
                                .ok())
                        .as("with the node's address in the list")
                        .isTrue());
    }

    @Test
    void withoutListAndRuleAnotherNodesPodsCannotReachIt() throws Exception {
        pod(
                VpcBehaviour.EC2,
                List.of(),
                OpKind.RULE::leftOutOf,
                topology -> assertThat(topology.impatient()
                                .pingToPod(topology.cluster().distant())
                                .ok())
                        .isFalse());
    }

    private static Ran probe(PodTopology topology, InetAddress source) {
        return topology.pingToPod(topology.worker(), "-I", text(source));
    }

    /** Looks at a pod. */
    @FunctionalInterface
    private interface Look {
        void at(PodTopology topology) throws Exception;
    }

    private static void pod(VpcBehaviour behaviour, List<String> cidrs, UnaryOperator<Plan> change, Look look)
            throws Exception {
        try (Lab lab = Lab.make(VpcSpec.DEFAULT.withMtu(1500).withBehaviour(behaviour));
                PlannedPod pod = PlannedPod.plan(
                        lab.cluster(),
                        PodConnection.BY_POD_VM,
                        PlannedPod.SeatOnWorker.of(lab.cluster().newPod()),
                        "unlisted",
                        cidrs)) {
            look.at(pod.apply(change).topology());
        }
    }

    private static String flow(InetAddress from, InetAddress to) {
        return "ip saddr " + text(from) + " ip daddr " + text(to);
    }

    private static String text(InetAddress address) {
        return IpAddresses.text(address);
    }
}
