package io.peerpods.tests.lab;

import io.peerpods.tests.lab.Row.Proof;
import java.net.InetAddress;

/**
 * Frames for the tunnel from a host that is not its other end. After each forged one the real peer sends the same to another port:
 * when that has arrived, the forged one would have.
 */
final class Forgery {

    private static final int FORGED = 4444;
    private static final int GENUINE = 4445;

    private Forgery() {}

    static Proof toPod(Scene scene) throws Exception {
        Cluster cluster = scene.cluster();
        return look(
                scene,
                scene.inVm(),
                scene.worker(),
                scene.vmAddress(),
                port -> new VxlanFrame.Inner(
                        cluster.neighbourMac(), scene.podMac(), cluster.neighbourAddress(), scene.podAddress(), port));
    }

    static Proof toWorker(Scene scene) throws Exception {
        Cluster cluster = scene.cluster();
        return look(
                scene,
                cluster.neighbour(),
                scene.vm(),
                cluster.workerAddress(),
                port -> new VxlanFrame.Inner(
                        scene.podMac(), cluster.neighbourMac(), scene.podAddress(), cluster.neighbourAddress(), port));
    }

    /** The frame around a packet to that port. */
    @FunctionalInterface
    private interface Frame {
        VxlanFrame.Inner to(int port);
    }

    private static Proof look(Scene scene, Place at, Place peer, InetAddress end, Frame frame) throws Exception {
        InetAddress target = frame.to(FORGED).destination();
        try (Counter forged = at.count("prerouting", Probes.to(target) + " udp dport " + FORGED);
                Counter genuine = at.count("prerouting", Probes.to(target) + " udp dport " + GENUINE)) {
            VxlanFrame.send(scene.cluster().stranger(), end, Cluster.VXLAN_PORT, scene.vni(), frame.to(FORGED));
            VxlanFrame.send(peer, end, Cluster.VXLAN_PORT, scene.vni(), frame.to(GENUINE));
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
