package io.peerpods.tests.lab;

import io.peerpods.tests.lab.Row.Proof;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;

/**
 * A Service whose only endpoint is the pod under test, which is also its client. The worker has the rules that kube-proxy makes (DNAT, a
 * mark on what the endpoint itself sends, masquerade of what is marked) and the pod's bridge port has the hairpin mode that flannel's
 * configuration of the bridge plugin asks for. Closing it takes all of that back.
 */
final class OwnService implements AutoCloseable {

    private static final String TABLE = "lab_own_service";
    private static final String BRIDGE_NF = "net.bridge.bridge-nf-call-iptables";
    private static final int PORT = 80;
    private static final int TARGET_PORT = 8080;

    private final PodTopology topology;
    private final InetAddress service;
    private final String bridgeNfBefore;

    private OwnService(PodTopology topology, boolean bridgeNf) {
        this.topology = topology;
        this.service = topology.cluster().serviceAddress();
        Ran before = topology.worker().run("sysctl", "-n", BRIDGE_NF);
        if (!before.ok()) {
            throw new IllegalStateException(BRIDGE_NF + " is not there: load the module br_netfilter");
        }
        this.bridgeNfBefore = before.output().strip();
        bridgeNf(bridgeNf ? "1" : "0");
        hairpin("on");
        String pod = Probes.text(topology.podAddress());
        topology.worker().nft("""
                table ip %1$s {
                  chain services { type nat hook prerouting priority dstnat; policy accept;
                    ip saddr %2$s ip daddr %3$s meta mark set meta mark or 0x4000
                    ip daddr %3$s tcp dport %4$d dnat to %2$s:%5$d
                    ip daddr %3$s udp dport %4$d dnat to %2$s:%5$d
                  }
                  chain masquerade_marked { type nat hook postrouting priority srcnat; policy accept;
                    meta mark and 0x4000 == 0x4000 masquerade
                  }
                }
                """.formatted(TABLE, pod, Probes.text(service), PORT, TARGET_PORT));
    }

    /** Whether the pod reaches itself by that Service, by TCP and by UDP. */
    static Proof reached(PodTopology topology, boolean bridgeNf) throws Exception {
        try (OwnService own = new OwnService(topology, bridgeNf)) {
            return own.tcp().and(own.udp());
        }
    }

    private Proof tcp() throws Exception {
        // The kernel answers for a program that listens; nothing need accept.
        try (ServerSocket server = topology.inVm().call(() -> new ServerSocket(TARGET_PORT))) {
            Ran connected = topology.shell().run(Probes.connect(service, PORT));
            return new Proof(
                    connected.ok(),
                    "TCP to port " + server.getLocalPort() + (connected.ok() ? "" : " not") + " connected");
        }
    }

    private Proof udp() throws Exception {
        try (DatagramSocket server = topology.inVm().call(() -> new DatagramSocket(TARGET_PORT))) {
            // Nothing may arrive: then the echo ends by itself.
            server.setSoTimeout((topology.patience() + 1) * 1000);
            Thread echo = Thread.ofPlatform().name("own-service-echo").start(() -> answer(server));
            Ran asked = topology.shell().run(question());
            echo.join();
            boolean answered = asked.output().strip().equals("own");
            return new Proof(answered, answered ? "UDP answered" : "UDP not answered");
        }
    }

    private static void answer(DatagramSocket server) {
        DatagramPacket packet = new DatagramPacket(new byte[64], 64);
        try {
            server.receive(packet);
            server.send(packet);
        } catch (IOException e) {
            // Nothing came in time, which the asker finds out too.
            return;
        }
    }

    private List<String> question() {
        String script = "exec 3<>/dev/udp/" + Probes.text(service) + "/" + PORT + "; printf own >&3; timeout "
                + topology.patience() + " dd bs=64 count=1 status=none <&3";
        return List.of("bash", "-c", script);
    }

    private void bridgeNf(String value) {
        topology.worker().require("sysctl", "-qw", BRIDGE_NF + "=" + value);
    }

    private void hairpin(String mode) {
        topology.worker()
                .require(
                        "bash",
                        "-ec",
                        "ip -o link show master cni0 | sed 's/^[0-9]*: \\([^@:]*\\).*/\\1/'"
                                + " | while read -r port; do bridge link set dev \"$port\" hairpin " + mode + "; done");
    }

    @Override
    public void close() {
        topology.worker().require("nft", "delete", "table", "ip", TABLE);
        hairpin("off");
        bridgeNf(bridgeNfBefore);
    }
}
