package io.peerpods.network;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.network.spec.PodInterface;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.spec.PodRoute;
import java.net.InetAddress;
import java.util.List;

/** The pod of the lab's topology, as specs. */
public final class Specs {
    static final String POD_MAC = "02:ab:00:00:00:05";

    private Specs() {}

    public static InetAddress ip(String text) {
        return IpAddresses.parse(text);
    }

    /** Pod 10.244.1.2/24 behind gateway 10.244.1.1, worker 10.10.0.1. */
    public static PodNetworkSpec pod(boolean external, PodNetworkSpec.Options options) {
        return new PodNetworkSpec(
                new PodInterface("eth0", MacAddress.of(POD_MAC), 1500, List.of(IpPrefix.of("10.244.1.2/24"))),
                IpPrefix.of("10.10.0.1/16"),
                "vxlan",
                List.of(
                        new PodRoute(IpPrefix.IPV4_DEFAULT, ip("10.244.1.1"), "eth0", "boot", "", 0, false),
                        new PodRoute(IpPrefix.of("10.244.1.0/24"), null, "eth0", "kernel", "link", 0, false)),
                List.of(),
                0,
                4789,
                555000,
                false,
                external,
                options);
    }

    public static PodNetworkSpec pod() {
        return pod(false, PodNetworkSpec.Options.NONE);
    }
}
