package io.peerpods.tests.lab;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.MacAddress;
import java.net.InetAddress;

/**
 * A pod's namespace as a CNI without a bridge makes it (Calico's way): a /32, a link-local gateway that answers no ARP, and a permanent
 * neighbour entry for it. Closing it removes the namespace.
 */
public final class RoutedCni implements AutoCloseable {

    private static final String GATEWAY = "169.254.1.1";
    private static final String HOST_LINK = "routed0";
    private static final MacAddress HOST_MAC = MacAddress.of("02:ca:11:c0:00:01");
    private static final MacAddress POD_MAC = MacAddress.of("02:ca:11:c0:00:02");

    private final Cluster cluster;
    private final String name;
    private final InetAddress address = IpAddresses.parse("10.244.1.200");

    private RoutedCni(Cluster cluster) {
        this.cluster = cluster;
        this.name = cluster.vpc().prefix() + "-routed";
    }

    public static RoutedCni make(Cluster cluster) {
        RoutedCni cni = new RoutedCni(cluster);
        cni.make();
        return cni;
    }

    private void make() {
        Place here = seat().place();
        Place worker = cluster.worker();
        Ran.run(java.util.List.of("ip", "netns", "add", name)).orThrow();
        here.require("ip", "link", "set", "lo", "up");
        worker.require(
                "ip",
                "link",
                "add",
                HOST_LINK,
                "address",
                HOST_MAC.toString(),
                "mtu",
                mtu(),
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "address",
                POD_MAC.toString(),
                "mtu",
                mtu(),
                "netns",
                name);
        worker.require("ip", "link", "set", HOST_LINK, "up");
        here.require("ip", "link", "set", "eth0", "up");
        here.require("ip", "addr", "add", Probes.text(address) + "/32", "dev", "eth0");
        here.require("ip", "route", "add", GATEWAY, "dev", "eth0", "scope", "link");
        here.require("ip", "route", "add", "default", "via", GATEWAY, "dev", "eth0");
        here.require("ip", "neigh", "add", GATEWAY, "lladdr", HOST_MAC.toString(), "dev", "eth0", "nud", "permanent");
        worker.require("ip", "route", "add", Probes.text(address) + "/32", "dev", HOST_LINK, "scope", "link");
        // Its neighbours on the bridge ask for it by ARP: the worker answers in its place.
        worker.require("sysctl", "-qw", "net.ipv4.conf.cni0.proxy_arp=1");
    }

    private String mtu() {
        return Integer.toString(cluster.vpc().spec().mtu());
    }

    public PlannedPod.SeatOnWorker seat() {
        return new PlannedPod.SeatOnWorker(
                new Place("the pod's namespace on the worker", io.peerpods.linux.Netns.NAMED.resolve(name)),
                address,
                POD_MAC);
    }

    @Override
    public void close() {
        cluster.worker().run("ip", "link", "del", HOST_LINK);
        Ran.run(java.util.List.of("ip", "netns", "del", name));
    }
}
