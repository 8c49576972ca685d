package io.peerpods.tests.lab;

import io.peerpods.tests.lab.Row.Proof;
import java.net.InetAddress;

/**
 * Frames for the tunnel from a host that is not its other end. After each forged one the real peer sends the same to another port:
 * when that has arrived, the forged one would have.
 */
final class ForgedFrames {

    private static final int FORGED = 4444;
    private static final int GENUINE = 4445;

    private ForgedFrames() {}

    static Proof toPod(PodTopology topology) throws Exception {
        Cluster cluster = topology.cluster();
        return look(
                topology,
                topology.inVm(),
                topology.worker(),
                topology.vmAddress(),
                port -> new VxlanFrame.Inner(
                        cluster.neighbourMac(),
                        topology.podMac(),
                        cluster.neighbourAddress(),
                        topology.podAddress(),
                        port));
    }

    static Proof toWorker(PodTopology topology) throws Exception {
        Cluster cluster = topology.cluster();
        return look(
                topology,
                cluster.neighbour(),
                topology.vm(),
                cluster.workerAddress(),
                port -> new VxlanFrame.Inner(
                        topology.podMac(),
                        cluster.neighbourMac(),
                        topology.podAddress(),
                        cluster.neighbourAddress(),
                        port));
    }

    /** The frame around a packet to that port. */
    @FunctionalInterface
    private interface Frame {
        VxlanFrame.Inner to(int port);
    }

    private static Proof look(PodTopology topology, Place at, Place peer, InetAddress end, Frame frame)
            throws Exception {
        InetAddress target = frame.to(FORGED).destination();
        try (Counter forged = at.count("prerouting", Probes.to(target) + " udp dport " + FORGED);
                Counter genuine = at.count("prerouting", Probes.to(target) + " udp dport " + GENUINE)) {
            VxlanFrame.send(topology.cluster().stranger(), end, Cluster.VXLAN_PORT, topology.vni(), frame.to(FORGED));
            VxlanFrame.send(peer, end, Cluster.VXLAN_PORT, topology.vni(), frame.to(GENUINE));
            boolean control = arrives(genuine);
            long packets = forged.packets();
            return new Proof(
                    control && packets == 0,
                    packets + " forged seen in " + at.name()
                            + (control ? ", the peer's own 1" : ", but the peer's own was not either"));
        }
    }

    private static boolean arrives(Counter counter) throws InterruptedException {
        for (int i = 0; i < 50; i++) {
            if (counter.packets() > 0) {
                return true;
            }
            Thread.sleep(20);
        }
        return false;
    }
}
