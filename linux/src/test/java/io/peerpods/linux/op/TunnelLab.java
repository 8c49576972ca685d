package io.peerpods.linux.op;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.nft.NftRules;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.Programs;
import io.peerpods.testing.TempNetns;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A worker with one pod namespace and a pod VM with two NICs, cabled together, and the plans that carry the pod into the VM. Made with
 * {@code ip}, so that it owes nothing to the code under test.
 */
final class TunnelLab implements AutoCloseable {

    private static final String SECOND_NIC = "02:00:00:00:20:10";
    private static final String POD_MAC = "02:00:00:00:01:02";

    private final TempNetns worker = TempNetns.createWithoutIpv6("worker");
    private final TempNetns workerPod = TempNetns.createWithoutIpv6("pod");
    private final TempNetns vm = TempNetns.createWithoutIpv6("vm");
    private final TempNetns internet = TempNetns.createWithoutIpv6("inet");
    private final Path podNamespace = Netns.NAMED.resolve(TempNetns.uniqueName("podns"));

    TunnelLab() {
        worker.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "ens5", "netns", vm.name());
        vm.exec(
                "ip",
                "link",
                "add",
                "ens6",
                "address",
                SECOND_NIC,
                "type",
                "veth",
                "peer",
                "name",
                "gw",
                "netns",
                internet.name());
        worker.exec(
                "ip",
                "link",
                "add",
                "cni0",
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "address",
                POD_MAC,
                "netns",
                workerPod.name());
        up(worker, "eth0", "10.10.0.1/16");
        up(worker, "cni0", "10.244.1.1/24");
        up(workerPod, "eth0", "10.244.1.2/24");
        workerPod.exec("ip", "route", "add", "default", "via", "10.244.1.1");
        up(vm, "ens5", "10.10.1.2/16");
        up(vm, "ens6", "10.20.0.10/24");
        up(internet, "gw", "10.20.0.1/24");
        vm.exec("ip", "route", "add", "default", "via", "10.10.0.1", "dev", "ens5");
        vm.exec("ip", "route", "add", "default", "via", "10.20.0.1", "dev", "ens6", "metric", "100");
        vm.exec("ip", "route", "add", "default", "via", "10.20.0.1", "dev", "ens6", "table", "10002");
        vm.exec("ip", "rule", "add", "from", "10.20.0.10", "lookup", "10002", "priority", "10002");
    }

    private static void up(TempNetns namespace, String link, String address) {
        namespace.exec("ip", "addr", "add", address, "dev", link);
        namespace.exec("ip", "link", "set", link, "up");
    }

    TempNetns worker() {
        return worker;
    }

    TempNetns workerPod() {
        return workerPod;
    }

    TempNetns vm() {
        return vm;
    }

    /** Where the VM's pod namespace will be. */
    Path podNamespace() {
        return podNamespace;
    }

    String inPod(String... command) {
        List<String> words = new ArrayList<>(
                List.of("ip", "netns", "exec", podNamespace.getFileName().toString()));
        words.addAll(List.of(command));
        return Programs.require(words.toArray(String[]::new));
    }

    static VxlanAttributes tunnelTo(String peer) {
        return VxlanAttributes.unicast(555000, 4789, IpAddresses.parse(peer));
    }

    private static NftRules rules(String table, int vni, String peer) {
        return new NftRules(
                "inet",
                table,
                List.of(
                        new NftRules.Chain("pre", "filter", "prerouting", -300),
                        new NftRules.Chain("out", "filter", "output", -300),
                        new NftRules.Chain("guard", "filter", "forward", -10)),
                List.of(
                        new NftRules.Rule("pre", "udp dport 4789 @th,96,24 " + vni + " ip saddr != " + peer + " drop"),
                        new NftRules.Rule("pre", "ip saddr " + peer + " udp dport 4789 notrack"),
                        new NftRules.Rule("out", "ip daddr " + peer + " udp dport 4789 notrack"),
                        new NftRules.Rule("guard", "ip daddr " + peer + " tcp dport 15150 drop")));
    }

    /** The worker's half: vxlan straight in the pod's namespace, glued to its eth0. */
    Plan workerPlan() {
        NetnsRef root = NetnsRef.of(worker.path());
        NetnsRef pod = NetnsRef.of(workerPod.path());
        return new Plan(
                "peerpods:worker-side",
                List.of(
                        new Op.Nft(root, rules("peerpods-worker", 555000, "10.10.1.2")),
                        new Op.Sysctl(root, "net/ipv4/ip_forward", "1"),
                        new Op.Link(pod, "vxlan1", new LinkKind.Vxlan(root, tunnelTo("10.10.1.2")), null, 1500, true),
                        new Op.Redirect(pod, "eth0", "vxlan1"),
                        new Op.Redirect(pod, "vxlan1", "eth0"),
                        new Op.Hairpin(pod, "eth0", "vxlan1", MacAddress.of(POD_MAC))));
    }

    /** The VM's half, the external network by its second NIC. */
    Plan podVmPlan() {
        NetnsRef root = NetnsRef.of(vm.path());
        NetnsRef pod = NetnsRef.of(podNamespace);
        IpPrefix podAddress = IpPrefix.of("10.244.1.2/24");
        NftRules podRules = new NftRules(
                "inet",
                "peerpods-pod",
                List.of(new NftRules.Chain("out", "filter", "output", 0)),
                List.of(new NftRules.Rule("out", "ip daddr 169.254.169.254 drop")));
        return new Plan(
                "peerpods:vm-side",
                List.of(
                        new Op.Namespace(pod),
                        new Op.Nft(root, rules("peerpods-vm", 555000, "10.10.0.1")),
                        new Op.Nft(pod, podRules),
                        new Op.Sysctl(pod, "net/ipv4/conf/all/rp_filter", "2"),
                        new Op.Link(
                                pod,
                                "eth0",
                                new LinkKind.Vxlan(root, tunnelTo("10.10.0.1")),
                                MacAddress.of(POD_MAC),
                                1450,
                                true),
                        new Op.Address(pod, "eth0", podAddress),
                        new Op.Neighbour(pod, "eth0", IpAddresses.parse("10.244.1.1"), MacAddress.of(cni0Mac())),
                        new Op.Move(root, MacAddress.of(SECOND_NIC), pod, "ens6"),
                        new Op.Mtu(pod, "ens6", 1400),
                        new Op.Up(pod, "ens6"),
                        new Op.Address(pod, "ens6", IpPrefix.of("10.20.0.10/24")),
                        Op.Route.unicast(pod, IpPrefix.IPV4_DEFAULT, IpAddresses.parse("10.20.0.1"), "ens6")
                                .replacing(),
                        Op.Route.unicast(pod, IpPrefix.of("10.244.0.0/16"), IpAddresses.parse("10.244.1.1"), "eth0"),
                        Op.Route.unicast(pod, IpPrefix.of("10.96.0.0/12"), IpAddresses.parse("10.244.1.1"), "eth0"),
                        Op.Route.unicast(pod, IpPrefix.IPV4_DEFAULT, IpAddresses.parse("10.244.1.1"), "eth0")
                                .inTable(45000),
                        Op.Route.refusal(pod, IpPrefix.of("169.254.169.254/32"), RouteType.PROHIBIT),
                        new Op.Rule(pod, 100, IpPrefix.of(podAddress.address()), null, 45000)));
    }

    private String cni0Mac() {
        return worker.exec("cat", "/sys/class/net/cni0/address").strip();
    }

    /** One of many small tunnels of one VM, each in a namespace of its own. */
    Plan crowdPlan(int number) {
        NetnsRef root = NetnsRef.of(vm.path());
        NetnsRef pod = NetnsRef.of(podNamespace + "-" + number);
        VxlanAttributes tunnel = VxlanAttributes.unicast(600000 + number, 4789, IpAddresses.parse("10.10.0.1"));
        return new Plan(
                "peerpods:crowd-" + number,
                List.of(
                        new Op.Namespace(pod),
                        new Op.Nft(root, rules("peerpods-crowd", 600000 + number, "10.10.0.1")),
                        new Op.Link(pod, "eth0", new LinkKind.Vxlan(root, tunnel), null, 1450, true),
                        new Op.Address(pod, "eth0", IpPrefix.of("10.244.7.2/24")),
                        Op.Route.unicast(pod, IpPrefix.IPV4_DEFAULT, IpAddresses.parse("10.244.7.1"), "eth0")));
    }

    /** Everything in the lab's namespaces, and which namespaces there are. */
    List<String> take() {
        List<String> found = new ArrayList<>();
        for (TempNetns namespace : List.of(worker, workerPod, vm)) {
            String hint = namespace.name().split("-", -1)[1];
            KernelInventory.take(namespace).items().forEach(item -> found.add(hint + ": " + item));
        }
        found.add("pod namespace: " + java.nio.file.Files.exists(podNamespace));
        return found;
    }

    @Override
    public void close() {
        Netns.delete(podNamespace);
        for (TempNetns namespace : List.of(worker, workerPod, vm, internet)) {
            namespace.close();
        }
    }
}
