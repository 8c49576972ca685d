package io.peerpods.tests.lab;

import io.peerpods.linux.IpAddresses;
import io.peerpods.tests.lab.Row.Proof;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** The ways of looking that the check table is made of. A way is proved by counters in the namespaces that it crosses. */
final class Probes {

    /** An IPv4 header and an ICMP header. */
    private static final int PING_OVERHEAD = 28;

    private Probes() {}

    /** One echo request, and how many seconds its answer is waited for. */
    static List<String> ping(InetAddress to, int patience, String... options) {
        List<String> command = new ArrayList<>(List.of("ping", "-n", "-c", "1", "-W", Integer.toString(patience)));
        command.addAll(Arrays.asList(options));
        command.add(text(to));
        return command;
    }

    /** Options of a packet of that many bytes that must not be fragmented. */
    static String[] whole(int bytes) {
        return new String[] {"-M", "do", "-s", Integer.toString(bytes - PING_OVERHEAD)};
    }

    /** Opens a TCP connection, or fails within two seconds. */
    static List<String> connect(InetAddress to, int port) {
        return List.of("timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/" + text(to) + "/" + port);
    }

    /** Sends one UDP packet. */
    static List<String> datagram(InetAddress to, int port) {
        return List.of("bash", "-c", "echo checked > /dev/udp/" + text(to) + "/" + port);
    }

    /** Asks a name server for the IPv4 address of a name (RFC 1035) and prints the answer's bytes in hex. */
    static List<String> question(InetAddress server, String name) {
        String script = "exec 3<>/dev/udp/" + text(server) + "/53; printf '" + question(name)
                + "' >&3; timeout 5 dd bs=512 count=1 status=none <&3 | od -An -v -tx1 | tr -d ' \\n'";
        return List.of("bash", "-c", script);
    }

    private static String question(String name) {
        StringBuilder bytes = new StringBuilder("\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00");
        for (String label : name.split("\\.", -1)) {
            bytes.append("\\x%02x".formatted(label.length()));
            for (byte letter : label.getBytes(StandardCharsets.US_ASCII)) {
                bytes.append("\\x%02x".formatted(letter));
            }
        }
        return bytes.append("\\x00\\x00\\x01\\x00\\x01").toString();
    }

    /** Whether such an answer holds that address. */
    static boolean answers(Ran asked, InetAddress address) {
        return asked.output().strip().endsWith(HexFormat.of().formatHex(address.getAddress()));
    }

    static String echo(InetAddress from, InetAddress to) {
        return flow(from, to) + " icmp type echo-request";
    }

    static String flow(InetAddress from, InetAddress to) {
        return "ip saddr " + text(from) + " " + to(to);
    }

    static String to(InetAddress to) {
        return "ip daddr " + text(to);
    }

    static String text(InetAddress address) {
        return IpAddresses.text(address);
    }

    /** The pod's echo request arrives there with the pod's own address and is answered. */
    static Proof fromPod(PodTopology topology, Place at, InetAddress to) {
        try (Counter arrived = at.count("prerouting", echo(topology.podAddress(), to))) {
            Ran ping = topology.pingFromPod(to);
            long packets = arrived.packets();
            return new Proof(
                    ping.ok() && packets == 1,
                    packets + " from " + text(topology.podAddress()) + " seen in " + at.name() + answered(ping));
        }
    }

    /** An echo request reaches the pod with the asker's own address and is answered. */
    static Proof toPod(PodTopology topology, Place from, InetAddress source) {
        try (Counter arrived = topology.inVm().count("prerouting", echo(source, topology.podAddress()))) {
            Ran ping = topology.pingToPod(from, "-I", text(source));
            long packets = arrived.packets();
            return new Proof(
                    ping.ok() && packets == 1, packets + " from " + text(source) + " seen in the pod" + answered(ping));
        }
    }

    private static String answered(Ran ping) {
        return ping.ok() ? ", answered" : ", not answered";
    }
}
