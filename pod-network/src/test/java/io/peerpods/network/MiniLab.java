package io.peerpods.network;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.vm.NicFacts;
import io.peerpods.network.vm.PodVmNics;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerPlan;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.Programs;
import io.peerpods.testing.TempNetns;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A worker with its CNI bridge, the namespaces of two pods on it, a VM with one NIC or two, a stranger, and the network between
 * them, which drops what does not come with its NIC's own address from the second subnet. Made with {@code ip} and
 * {@code nft}, not with the code under test.
 *
 * <pre>
 *  fabric  10.10.254.1/16 on br0 - worker 10.10.0.1, vm (ens5) 10.10.1.2, stranger 10.10.0.66
 *          10.20.0.1/24   on br1 - vm (ens6) 10.20.0.10
 *          203.0.113.10 (the internet) and 169.254.169.254 on lo
 *  worker  10.244.1.1/24 on cni0 - wpod 10.244.1.2, cpod 10.244.1.3
 * </pre>
 */
public final class MiniLab implements AutoCloseable {
    static final String SANDBOX = "0123abcd";

    static final String SECOND_MAC = "02:cc:00:00:00:06";
    static final String INTERNET = "203.0.113.10";
    static final String METADATA = "169.254.169.254";

    final TempNetns fabric = TempNetns.createWithoutIpv6("fabric");
    public final TempNetns worker = TempNetns.createWithoutIpv6("worker");
    final TempNetns wpod = TempNetns.createWithoutIpv6("wpod");
    final TempNetns cpod = TempNetns.createWithoutIpv6("cpod");
    public final TempNetns vm = TempNetns.createWithoutIpv6("vm");
    public final TempNetns stranger = TempNetns.createWithoutIpv6("stranger");
    /** Of the pod's namespace in the VM, which the code under test makes. */
    final String podns = TempNetns.uniqueName("podns");

    public MiniLab() {
        try {
            build();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void build() {
        sh(fabric, """
                ip link add br0 type bridge; ip link set br0 up; ip addr add 10.10.254.1/16 dev br0
                ip link add br1 type bridge; ip link set br1 up; ip addr add 10.20.0.1/24 dev br1
                ip addr add 203.0.113.10/32 dev lo; ip addr add 169.254.169.254/32 dev lo
                sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0
                sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null || true
                nft -f - <<'NFT'
                table ip spoof {
                  chain pre {
                    type filter hook prerouting priority -300;
                    iifname "br1" ip saddr != 10.20.0.0/24 counter drop
                  }
                }
                NFT
                """);
        nic(worker, "eth0", "br0", "", "10.10.0.1/16");
        nic(vm, "ens5", "br0", "", "10.10.1.2/16");
        nic(stranger, "eth0", "br0", "", "10.10.0.66/16");
        sh(vm, "ip route add default via 10.10.254.1 metric 100");
        sh(worker, """
                ip route add default via 10.10.254.1
                ip link add cni0 type bridge; ip link set cni0 up; ip addr add 10.244.1.1/24 dev cni0
                sysctl -qw net.ipv4.ip_forward=1
                sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null || true
                nft -f - <<'NFT'
                table ip node {
                  counter internet { }
                  chain post {
                    type nat hook postrouting priority 100;
                    ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade
                  }
                  chain passing {
                    type filter hook forward priority -400;
                    ip daddr 203.0.113.10 counter name internet
                  }
                }
                NFT
                """);
        pod(wpod, "v-wpod", Specs.POD_MAC, "10.244.1.2/24");
        pod(cpod, "v-cpod", "02:ab:00:00:00:03", "10.244.1.3/24");
    }

    private void nic(TempNetns node, String name, String bridge, String mac, String address) {
        String port = "p-" + Integer.toHexString(node.name().hashCode()) + name.charAt(name.length() - 1);
        sh(
                node,
                "ip link add " + name + (mac.isEmpty() ? "" : " address " + mac) + " type veth peer name " + port
                        + " netns " + fabric.name());
        sh(fabric, "ip link set " + port + " master " + bridge + "; ip link set " + port + " up");
        if (!address.isEmpty()) {
            sh(node, "ip addr add " + address + " dev " + name + "; ip link set " + name + " up");
        }
    }

    private void pod(TempNetns pod, String port, String mac, String address) {
        sh(
                worker,
                "ip link add " + port + " type veth peer name eth0 address " + mac + " netns " + pod.name()
                        + "; ip link set " + port + " master cni0; ip link set " + port + " up");
        sh(pod, "ip addr add " + address + " dev eth0; ip link set eth0 up; ip route add default via 10.244.1.1");
    }

    /** Plugs the second NIC in, as a cloud does: configured by a DHCP client, or bare. */
    void plugSecondNic(boolean configured) {
        nic(vm, "ens6", "br1", SECOND_MAC, configured ? "10.20.0.10/24" : "");
        if (configured) {
            sh(vm, "ip route add default via 10.20.0.1 dev ens6 metric 200");
        }
    }

    void unplugSecondNic() {
        sh(vm, "ip link del ens6");
    }

    static NicFacts.Source facts() {
        return () -> List.of(new NicFacts(
                MacAddress.of(SECOND_MAC), 1, List.of(IpPrefix.of("10.20.0.10/24")), Specs.ip("10.20.0.1")));
    }

    public PodVmPlan.Place vmPlace() {
        return new PodVmPlan.Place(NetnsRef.of(vm.path()), podRef(), 15150, true);
    }

    /** The worker's half of the pod's tunnel. */
    Plan workerPlan(PodNetworkSpec spec) throws PodNetworkException {
        return WorkerPlan.of(
                SANDBOX,
                NetnsRef.of(wpod.path()),
                spec,
                VmPeer.of(Specs.ip("10.10.1.2"), 15150),
                new WorkerPlan.Place(NetnsRef.of(worker.path()), "peerpods-test"));
    }

    NetnsRef podRef() {
        return NetnsRef.of(Path.of("/run/netns", podns));
    }

    public static PodVmNics.Wait patience() {
        return new PodVmNics.Wait("", Duration.ofSeconds(60), Duration.ofSeconds(60));
    }

    /** Shell lines that must all succeed. */
    public static String sh(TempNetns namespace, String script) {
        return namespace.exec("sh", "-ec", script);
    }

    /** A program in the VM's pod namespace. */
    Programs.Result inPod(String... command) {
        List<String> words = new ArrayList<>(List.of("ip", "netns", "exec", podns));
        words.addAll(List.of(command));
        return Programs.run(words.toArray(String[]::new));
    }

    /** Whether an echo comes back; tried again for a while, for a bridge port or a neighbour may just be coming up. */
    static boolean reaches(TempNetns from, String to, String... options) {
        return reaches(words -> from.tryExec(words), to, options);
    }

    boolean podReaches(String to, String... options) {
        return reaches(this::inPod, to, options);
    }

    private interface Shell {
        Programs.Result run(String... words);
    }

    private static boolean reaches(Shell shell, String to, String... options) {
        return eventually(() -> shell.run(ping(to, options)).exit() == 0, Duration.ofSeconds(20));
    }

    public static String[] ping(String to, String... options) {
        List<String> words = new ArrayList<>(List.of("ping", "-n", "-c", "1", "-W", "1"));
        words.addAll(List.of(options));
        words.add(to);
        return words.toArray(String[]::new);
    }

    /** The packets that the worker has forwarded to the internet since the last question. */
    long internetByWorker() {
        String text = worker.exec("nft", "reset", "counter", "ip", "node", "internet");
        return Long.parseLong(text.replaceAll("(?s).*packets (\\d+).*", "$1"));
    }

    /** The packets that the rule with this text has dropped. */
    public static long dropped(TempNetns namespace, String table, String rule) {
        return dropped(namespace.exec("nft", "list", "table", "inet", table), rule);
    }

    /** The same for the guards in the VM's pod namespace; 0 while they are away. */
    long droppedInPod(String rule) {
        return dropped(
                inPod("nft", "list", "table", "inet", PodVmPlan.NFT_TABLE).output(), rule);
    }

    private static long dropped(String table, String rule) {
        return table.lines()
                .filter(line -> line.contains(rule))
                .filter(line -> line.contains("drop")) // the rule that notes the sources counts in a set
                .mapToLong(line -> Long.parseLong(line.replaceAll(".*packets (\\d+).*", "$1")))
                .sum();
    }

    public static boolean eventually(BooleanSupplier condition, Duration patience) {
        long end = System.nanoTime() + patience.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end >= 0) {
                return false;
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }

    /** What worker, its pod's namespace and VM hold now. */
    List<KernelInventory> take() {
        return List.of(KernelInventory.take(worker), KernelInventory.take(wpod), KernelInventory.take(vm));
    }

    /** What is left, or missing, compared with an inventory; links may need a moment to be up again. */
    List<String> changesSince(List<KernelInventory> before) {
        List<String> changes = new ArrayList<>();
        eventually(
                () -> {
                    changes.clear();
                    List<KernelInventory> now = take();
                    for (int i = 0; i < now.size(); i++) {
                        now.get(i).since(before.get(i)).forEach(item -> changes.add("left: " + item));
                        now.get(i).missingFrom(before.get(i)).forEach(item -> changes.add("missing: " + item));
                    }
                    if (podRefExists()) {
                        changes.add("left: namespace " + podns);
                    }
                    return changes.isEmpty();
                },
                Duration.ofSeconds(30));
        return changes;
    }

    private boolean podRefExists() {
        return java.nio.file.Files.exists(Path.of("/run/netns", podns));
    }

    @Override
    public void close() {
        if (podRefExists()) {
            Programs.run("ip", "netns", "del", podns);
        }
        List.of(fabric, worker, wpod, cpod, vm, stranger).forEach(TempNetns::close);
    }
}
