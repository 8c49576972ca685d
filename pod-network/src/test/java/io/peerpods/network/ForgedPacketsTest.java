package io.peerpods.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.TunnelRules;
import io.peerpods.network.tunnel.Underlay;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerPlan;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Packets for a pod's VNI that do not come from the tunnel's peer, in every shape that gets past a careless match. */
@NeedsRoot
@NeedsProgram({"ip", "nft"})
class ForgedPacketsTest {
    private static final int VNI = 555000;
    private static final int PORT = 4789;
    private static final int OTHER_VNI = 777;

    enum Side {
        WORKER,
        VM
    }

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({"WORKER,true", "WORKER,false", "VM,true", "VM,false"})
    void aForgedFrameInFragmentsIsDroppedAndThePeersPasses(Side side, boolean ipv4) throws Exception {
        try (Target target = new Target(side, ipv4)) {
            target.send(target.fromStranger().fragments(VNI, PORT));
            target.send(target.fromPeer().whole(VNI, PORT));
            target.awaitReceived(1);
            assertThat(target.dropped("!= ")).isEqualTo(1);
            target.send(target.fromPeer().fragments(VNI, PORT));
            target.awaitReceived(2);
            assertThat(target.tracked()).doesNotContain("dport=" + PORT);
        }
    }

    @ParameterizedTest
    @CsvSource({"WORKER,true", "WORKER,false", "VM,true", "VM,false"})
    void packetsWithIpOptionsAreDroppedAndCounted(Side side, boolean ipv4) throws Exception {
        try (Target target = new Target(side, ipv4)) {
            target.send(target.fromStranger().withOptions(VNI, PORT));
            target.send(target.fromPeer().withOptions(VNI, PORT));
            target.send(target.fromPeer().whole(VNI, PORT));
            target.awaitReceived(1);
            assertThat(target.dropped(ipv4 ? "ip hdrlength" : "ip6 nexthdr")).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @CsvSource({"WORKER,true", "WORKER,false", "VM,true", "VM,false"})
    void aForgedFrameAsAWholeIsDropped(Side side, boolean ipv4) throws Exception {
        try (Target target = new Target(side, ipv4)) {
            target.send(target.fromStranger().whole(VNI, PORT));
            target.send(target.fromPeer().whole(OTHER_VNI, PORT));
            target.send(target.fromPeer().whole(VNI, PORT));
            target.awaitReceived(1);
            assertThat(target.dropped("!= ")).isEqualTo(1);
        }
    }

    /** One side of a tunnel made by its own plan, with a wire to it on which the test writes packets. */
    private final class Target implements AutoCloseable {
        private final TempNetns here = TempNetns.create("here");
        private final TempNetns outside = TempNetns.create("outside");
        private final TempNetns pod = TempNetns.create("pod");
        private final Executor executor = new Executor();
        private final Journal journal = Journal.open(directory.resolve("journal"));
        private final Side side;
        private final InetAddress local;
        private final InetAddress peer;
        private final InetAddress stranger;

        Target(Side side, boolean ipv4) throws Exception {
            this.side = side;
            local = Specs.ip(ipv4 ? "10.10.0.1" : "fd00:10::1");
            peer = Specs.ip(ipv4 ? "10.10.1.2" : "fd00:10::2");
            stranger = Specs.ip(ipv4 ? "10.10.0.66" : "fd00:10::66");
            try {
                MiniLab.sh(
                        outside,
                        "ip link add wire0 type veth peer name nic0 netns " + here.name() + "; ip link set wire0 up");
                MiniLab.sh(
                        here,
                        "ip addr add " + TunnelRules.text(local) + (ipv4 ? "/16" : "/64")
                                + " dev nic0 nodad; ip link set nic0 up");
                if (side == Side.WORKER) {
                    MiniLab.sh(
                            here,
                            "ip link add port0 type veth peer name eth0 address " + Specs.POD_MAC + " netns "
                                    + pod.name());
                    MiniLab.sh(pod, "ip link set eth0 up");
                }
                executor.apply(plan(), journal);
            } catch (Exception e) {
                close();
                throw e;
            }
        }

        private Plan plan() throws PodNetworkException {
            PodNetworkSpec spec = Specs.pod();
            NetnsRef underlay = NetnsRef.of(here.path());
            NetnsRef inPod = NetnsRef.of(pod.path());
            InetAddress worker = side == Side.WORKER ? local : peer;
            PodNetworkSpec ours = new PodNetworkSpec(
                    spec.pod(),
                    IpPrefix.of(worker),
                    "vxlan",
                    spec.routes(),
                    List.of(),
                    0,
                    PORT,
                    VNI,
                    false,
                    false,
                    spec.options());
            return side == Side.WORKER
                    ? WorkerPlan.of(
                            "abc", inPod, ours, VmPeer.of(peer, 15150), new WorkerPlan.Place(underlay, "peerpods"))
                    : PodVmPlan.of(
                            ours,
                            new Underlay("nic0", local, 1500),
                            null,
                            new PodVmPlan.Place(underlay, inPod, 15150, true));
        }

        RawPackets fromStranger() {
            return new RawPackets(stranger, local);
        }

        RawPackets fromPeer() {
            return new RawPackets(peer, local);
        }

        void send(List<byte[]> packets) {
            try (Netns wire = Netns.open(outside.path());
                    Netns target = Netns.open(here.path());
                    Rtnl onWire = Rtnl.open(wire);
                    Rtnl atTarget = Rtnl.open(target)) {
                Link nic = atTarget.requireLink("nic0");
                RawPackets.send(wire, onWire.requireLink("wire0").index(), Objects.requireNonNull(nic.mac()), packets);
            }
        }

        /** A veth delivers in order: what was sent before the last packet has been dealt with when that one is counted. */
        void awaitReceived(int expected) {
            MiniLab.eventually(() -> received() >= expected, Duration.ofSeconds(20));
            assertThat(received()).as("frames that came out of the tunnel").isEqualTo(expected);
        }

        private int received() {
            String link = side == Side.WORKER ? WorkerPlan.TUNNEL_LINK : "eth0";
            return Integer.parseInt(pod.exec("cat", "/sys/class/net/" + link + "/statistics/rx_packets")
                    .strip());
        }

        long dropped(String rule) {
            return MiniLab.dropped(here, "peerpods", rule);
        }

        String tracked() {
            return here.exec("cat", "/proc/net/nf_conntrack");
        }

        @Override
        public void close() {
            executor.undo(journal);
            List.of(here, outside, pod).forEach(TempNetns::close);
        }
    }
}
