package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.nft.NftRules;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Counter;
import io.peerpods.tests.lab.PlannedPod;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Ran;
import java.net.InetAddress;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What keeps the pod from the metadata service and from its VM's management port, guard by guard: each alone holds, shown by where the
 * packet was last seen; with none of them the way is open, so it was the guard that held.
 */
@NeedsRoot
@NeedsProgram({"ip", "tc", "nft", "nsenter", "unshare", "setsid", "bash", "timeout"})
class GuardsTest {

    private static final String METADATA = "169.254.169.254";
    private static final InetAddress METADATA_ADDRESS = IpAddresses.parse(METADATA);

    /** Behind every guard. */
    private static final int LATE = 50;

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

    @Test
    void theProhibitRouteAloneClosesTheMetadataService() throws Exception {
        pod(PodConnection.BY_POD_VM, withoutRules(METADATA), topology -> {
            try (Counter sent = topology.inVm().count("output", "ip daddr " + METADATA)) {
                assertThat(metadata(topology).ok()).isFalse();
                assertThat(sent.packets()).as("packets that found a route").isZero();
            }
        });
    }

    @Test
    void theOutputDropAloneClosesTheMetadataService() throws Exception {
        pod(PodConnection.BY_POD_VM, withoutRefusals(), topology -> {
            try (Counter sent = topology.inVm().count("output", "ip daddr " + METADATA);
                    Counter left = topology.inVm().count("postrouting", "ip daddr " + METADATA)) {
                assertThat(metadata(topology).ok()).isFalse();
                assertThat(sent.packets()).as("packets sent").isPositive();
                assertThat(left.packets()).as("packets that left").isZero();
            }
        });
    }

    @Test
    void withoutBothTheMetadataServiceIsOpen() throws Exception {
        UnaryOperator<Plan> open = PlanChange.both(withoutRules(METADATA), withoutRefusals());
        pod(PodConnection.BY_POD_VM, PlanChange.both(open, withoutLinkLocalByTunnel()), topology -> {
            try (Counter left = topology.inVm().count("postrouting", "ip daddr " + METADATA)) {
                assertThat(metadata(topology).ok()).as("connected").isTrue();
                assertThat(left.packets()).isPositive();
            }
        });
    }

    @Test
    void theWorkersForwardDropAloneClosesTheMetadataServiceByTheTunnel() throws Exception {
        UnaryOperator<Plan> onlyTheWorkers =
                PlanChange.both(withoutRefusals(), PlanChange.withoutRules(GuardsTest::isInPod));
        pod(PodConnection.BY_WORKER, onlyTheWorkers, topology -> {
            try (Counter arrived = topology.worker().count("prerouting", "ip daddr " + METADATA);
                    Counter left = topology.worker().count("postrouting", "ip daddr " + METADATA)) {
                assertThat(metadata(topology).ok()).isFalse();
                assertThat(arrived.packets()).as("packets on the worker").isPositive();
                assertThat(left.packets()).as("packets that the worker sent on").isZero();
            }
        });
    }

    @Test
    void withoutAnyThePodsRequestsLeaveTheWorker() throws Exception {
        pod(PodConnection.BY_WORKER, PlanChange.both(withoutRules(METADATA), withoutRefusals()), topology -> {
            try (Counter left = topology.worker().count("postrouting", "ip daddr " + METADATA)) {
                metadata(topology);
                assertThat(left.packets()).isPositive();
            }
        });
    }

    @Test
    void theDropInThePodsNamespaceAloneClosesTheManagementPort() throws Exception {
        UnaryOperator<Plan> onlyThePods = PlanChange.withoutRules(rule -> closesAgent(rule) && !isInPod(rule));
        pod(PodConnection.BY_POD_VM, onlyThePods, topology -> {
            try (Counter sent = topology.inVm().count("output", toAgent(topology));
                    Counter left = topology.inVm().count("postrouting", toAgent(topology))) {
                assertThat(agent(topology).ok()).isFalse();
                assertThat(sent.packets()).as("packets sent").isPositive();
                assertThat(left.packets()).as("packets that left").isZero();
            }
        });
    }

    @Test
    void theWorkersForwardDropAloneClosesTheManagementPort() throws Exception {
        pod(PodConnection.BY_WORKER, withoutThePodsOwn(), topology -> {
            try (Counter arrived = topology.worker().count("prerouting", toAgent(topology));
                    Counter atVm = topology.vm().count("prerouting", toAgent(topology))) {
                assertThat(agent(topology).ok()).isFalse();
                assertThat(arrived.packets()).as("packets on the worker").isPositive();
                assertThat(atVm.packets()).as("packets at the VM").isZero();
            }
        });
    }

    @Test
    void withoutItThePodConnectsWithTheWorkersAddressOn() throws Exception {
        pod(PodConnection.BY_WORKER, withoutRules("dport " + Cluster.AGENT_PORT), topology -> {
            String asTheWorker = toAgent(topology) + " ip saddr "
                    + IpAddresses.text(topology.cluster().workerAddress());
            try (Counter atVm = topology.vm().count("prerouting", asTheWorker)) {
                assertThat(agent(topology).ok()).as("connected").isTrue();
                assertThat(atVm.packets()).isPositive();
            }
        });
    }

    @Test
    void theVmsInputDropAloneClosesTheManagementPortAcrossTheVpc() throws Exception {
        pod(PodConnection.BY_POD_VM, withoutThePodsOwn(), topology -> {
            try (Counter worker = topology.worker().count("prerouting", toAgent(topology));
                    Counter atVm = topology.vm().count("prerouting", toAgent(topology));
                    Counter taken = topology.vm().count("input", LATE, toAgent(topology))) {
                assertThat(agent(topology).ok()).isFalse();
                assertThat(worker.packets()).as("packets on the worker").isZero();
                assertThat(atVm.packets()).as("packets at the VM").isPositive();
                assertThat(taken.packets()).as("packets that the VM took").isZero();
            }
        });
    }

    @Test
    void withoutItThePodConnectsAcrossTheVpc() throws Exception {
        pod(
                PodConnection.BY_POD_VM,
                withoutRules("dport " + Cluster.AGENT_PORT),
                topology -> assertThat(agent(topology).ok()).as("connected").isTrue());
    }

    /** Looks at a pod. */
    @FunctionalInterface
    private interface Look {
        void at(PodTopology topology) throws Exception;
    }

    private static void pod(PodConnection setting, UnaryOperator<Plan> change, Look look) throws Exception {
        try (PlannedPod pod = PlannedPod.plan(
                lab.cluster(), setting, PlannedPod.SeatOnWorker.of(lab.cluster().newPod()), "guarded")) {
            look.at(pod.apply(change).topology());
        }
    }

    private static UnaryOperator<Plan> withoutRules(String text) {
        Predicate<NftRules.Rule> naming = rule -> rule.text().contains(text);
        return PlanChange.withoutRules(naming);
    }

    private static boolean closesAgent(NftRules.Rule rule) {
        return rule.text().contains("dport " + Cluster.AGENT_PORT);
    }

    private static boolean isInPod(NftRules.Rule rule) {
        return rule.chain().startsWith("guard");
    }

    private static UnaryOperator<Plan> withoutThePodsOwn() {
        return PlanChange.withoutRules(rule -> closesAgent(rule) && isInPod(rule));
    }

    private static UnaryOperator<Plan> withoutRefusals() {
        return PlanChange.withoutOps(op -> op instanceof Op.Route route
                && route.destination().isHost()
                && route.destination().contains(METADATA_ADDRESS)
                && !NetnsRef.OWN.equals(route.ns()));
    }

    /** The route that keeps services of the node on the tunnel also keeps the metadata service off the VM's second NIC. */
    private static UnaryOperator<Plan> withoutLinkLocalByTunnel() {
        return PlanChange.withoutOps(
                op -> op instanceof Op.Route route && route.destination().equals(IpPrefix.of("169.254.0.0/16")));
    }

    private static Ran metadata(PodTopology topology) {
        return connect(topology, METADATA, 80);
    }

    private static Ran agent(PodTopology topology) {
        return connect(topology, IpAddresses.text(topology.vmAddress()), Cluster.AGENT_PORT);
    }

    private static Ran connect(PodTopology topology, String address, int port) {
        return topology.shell().run(List.of("timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/" + address + "/" + port));
    }

    private static String toAgent(PodTopology topology) {
        return "ip daddr " + IpAddresses.text(topology.vmAddress()) + " tcp dport " + Cluster.AGENT_PORT;
    }
}
