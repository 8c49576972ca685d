package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.LinkKind;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.tunnel.TunnelMtu;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import io.peerpods.tests.lab.PlannedPod;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Snmp;
import io.peerpods.tests.lab.Tunnel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Packets of every size on the tunnel's way: what passes whole, what is cut, and what is lost where. */
@NeedsRoot
@NeedsProgram({"ip", "tc", "nft", "nsenter", "unshare", "setsid", "ping"})
class PacketSizeTest {

    private static final int ICMP = 28;
    private static final int TRANSFER = 1 << 20;

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
    void thePodsMtuIsWhatTheUnderlayLeaves() throws Exception {
        pod(UnaryOperator.identity(), topology -> {
            assertThat(Tunnel.mtu(topology.inVm(), "eth0")).isEqualTo(1450);
            assertThat(Tunnel.mtu(topology.onWorker(), "eth0"))
                    .as("the worker's side keeps its own")
                    .isEqualTo(1500);
        });
    }

    @Test
    void aPacketThatMayBeCutPassesAtAnySize() throws Exception {
        pod(UnaryOperator.identity(), topology -> {
            assertThat(topology.pingFromPod(neighbour(), "-s", size(3000)).ok())
                    .as("pod to cluster pod")
                    .isTrue();
            assertThat(topology.pingToPod(topology.cluster().neighbour(), "-s", size(3000))
                            .ok())
                    .as("cluster pod to pod")
                    .isTrue();
        });
    }

    @Test
    void aPacketTooLargeForTheTunnelIsCutOutsideOnTheWorker() throws Exception {
        pod(UnaryOperator.identity(), topology -> {
            long before = Snmp.of(topology.worker(), "FragCreates");
            assertThat(topology.pingToPod(topology.cluster().neighbour(), "-M", "do", "-s", size(1500))
                            .ok())
                    .isTrue();
            assertThat(Snmp.of(topology.worker(), "FragCreates") - before)
                    .as("outer fragments made on the worker")
                    .isPositive();
        });
    }

    /** A fabric that loses fragments is a black hole for such packets, but TCP keeps to the MSS that the pod's MTU gives. */
    @Test
    void tcpSurvivesAnUnderlayThatLosesFragments() throws Exception {
        pod(UnaryOperator.identity(), topology -> {
            String loser = """
                    table netdev lose {
                      chain i { type filter hook ingress device %s priority 0; policy accept;
                        ip frag-off & 0x3fff != 0 counter drop
                      }
                    }
                    """;
            topology.worker().nft(loser.formatted("eth0"));
            topology.vm().nft(loser.formatted("ens5"));
            try {
                PodTopology impatient = topology.impatient();
                assertThat(impatient
                                .pingToPod(topology.cluster().neighbour(), "-M", "do", "-s", size(1500))
                                .ok())
                        .as("1500 bytes in one piece")
                        .isFalse();
                assertThat(transfer(topology)).isEqualTo(TRANSFER);
            } finally {
                topology.worker().run("nft", "delete", "table", "netdev", "lose");
                topology.vm().run("nft", "delete", "table", "netdev", "lose");
            }
        });
    }

    /** What the computed MTU saves the pod from: with the kernel's own choice every full packet is cut on the underlay. */
    @Test
    void withTheKernelsMtuFullPacketsAreCut() throws Exception {
        UnaryOperator<Plan> kernels = plan -> new Plan(
                plan.owner(),
                plan.ops().stream().map(PacketSizeTest::withoutMtu).toList());
        pod(kernels, topology -> {
            long before = Snmp.of(topology.vm(), "FragCreates");
            assertThat(Tunnel.mtu(topology.inVm(), "eth0")).isEqualTo(1500);
            assertThat(topology.pingFromPod(neighbour(), "-M", "do", "-s", size(1500))
                            .ok())
                    .isTrue();
            assertThat(Snmp.of(topology.vm(), "FragCreates") - before)
                    .as("outer fragments made in the VM")
                    .isPositive();
        });
    }

    /** With "df set" frames too large for the tunnel would be lost without a word, so the tunnel never has it. */
    @Test
    void theTunnelNeverForbidsOuterFragments() throws Exception {
        pod(UnaryOperator.identity(), topology -> {
            for (String link : List.of(
                    topology.onWorker().require("ip", "-d", "link", "show", "type", "vxlan"),
                    topology.inVm().require("ip", "-d", "link", "show", "type", "vxlan"))) {
                assertThat(link).contains("vxlan id").doesNotContain("df set").doesNotContain("df inherit");
            }
        });
    }

    @Test
    void anIpv6UnderlayLeavesTwentyBytesLess() throws Exception {
        InetAddress left = IpAddresses.parse("fd00:10::1");
        InetAddress right = IpAddresses.parse("fd00:10::2");
        int mtu = TunnelMtu.of(1500, 1500, right, 0, false);
        assertThat(mtu).isEqualTo(1430);
        try (TempNetns worker = TempNetns.create("left");
                TempNetns vm = TempNetns.create("right")) {
            worker.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", vm.name());
            for (TempNetns end : List.of(worker, vm)) {
                end.exec("ip", "link", "set", "eth0", "up");
            }
            worker.exec("ip", "-6", "addr", "add", "fd00:10::1/64", "dev", "eth0", "nodad");
            vm.exec("ip", "-6", "addr", "add", "fd00:10::2/64", "dev", "eth0", "nodad");
            NetnsRef workerRef = NetnsRef.of(worker.path());
            NetnsRef vmRef = NetnsRef.of(vm.path());
            new Executor()
                    .apply(
                            new Plan(
                                    "peerpods:lab",
                                    List.of(
                                            tunnel(workerRef, left, right, mtu),
                                            address(workerRef, "192.168.77.1/24"),
                                            tunnel(vmRef, right, left, mtu),
                                            address(vmRef, "192.168.77.2/24"))),
                            Journal.inMemory());
            assertThat(ping(vm, 1430)).as("1430 bytes").isTrue();
            assertThat(ping(vm, 1431)).as("1431 bytes").isFalse();
        }
    }

    private static boolean ping(TempNetns from, int bytes) {
        return from.tryExec("ping", "-n", "-c", "1", "-W", "5", "-M", "do", "-s", size(bytes), "192.168.77.1")
                        .exit()
                == 0;
    }

    private static Op tunnel(NetnsRef ns, InetAddress local, InetAddress remote, int mtu) {
        VxlanAttributes attributes =
                VxlanAttributes.unicast(77, 4790, remote).withLocal(local).withLearning(false);
        return new Op.Link(ns, "v6x", new LinkKind.Vxlan(ns, attributes), null, mtu, true);
    }

    private static Op address(NetnsRef ns, String prefix) {
        return new Op.Address(ns, "v6x", IpPrefix.of(prefix));
    }

    /** Sends a megabyte from a cluster pod to the pod, and tells how much arrived. */
    private static int transfer(PodTopology topology) throws Exception {
        try (ServerSocket server = topology.inVm().call(() -> new ServerSocket(5301))) {
            CompletableFuture<Integer> received = new CompletableFuture<>();
            received.completeAsync(() -> drain(server));
            InetSocketAddress pod = new InetSocketAddress(topology.podAddress(), 5301);
            // A socket belongs to the namespace of the thread that connects it.
            try (Socket client =
                    topology.cluster().neighbour().call(() -> new Socket(pod.getAddress(), pod.getPort()))) {
                client.getOutputStream().write(new byte[TRANSFER]);
            }
            return received.get(60, TimeUnit.SECONDS);
        }
    }

    private static int drain(ServerSocket server) {
        try (Socket socket = server.accept();
                InputStream in = socket.getInputStream()) {
            int all = 0;
            byte[] buffer = new byte[65536];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                all += n;
            }
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Op withoutMtu(Op op) {
        return op instanceof Op.Link link
                ? new Op.Link(link.ns(), link.name(), link.kind(), link.mac(), 0, link.up(), link.master())
                : op;
    }

    private static String size(int bytes) {
        return Integer.toString(bytes - ICMP);
    }

    private static InetAddress neighbour() {
        return lab.cluster().neighbourAddress();
    }

    /** Looks at a pod. */
    @FunctionalInterface
    private interface Look {
        void at(PodTopology topology) throws Exception;
    }

    private static PlannedPod planned() throws Exception {
        return PlannedPod.plan(
                lab.cluster(),
                PodConnection.BY_WORKER,
                PlannedPod.SeatOnWorker.of(lab.cluster().newPod()),
                "sized");
    }

    private static void pod(UnaryOperator<Plan> change, Look look) throws Exception {
        try (PlannedPod pod = planned()) {
            look.at(pod.apply(change).topology());
        }
    }
}
