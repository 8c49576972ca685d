package io.peerpods.network.worker;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.kernel.Kernel;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.Ownership;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;

/**
 * Looks for a vxlan of another program (a CNI's overlay) that keeps ours off its UDP port. The kernel has one socket a port and family, and
 * vxlans share it when they have the same receive options; ours have none. A vxlan that is "external" holds the port in both families.
 * Of those that share a port and family each needs a VNI of its own.
 */
public final class ForeignVxlan {

    private ForeignVxlan() {}

    /** At start: what would fail launches. Says who it is and what to do; empty when there is none. */
    public static Optional<String> conflict(int port, int firstVni, NetnsRef worker) {
        return conflict(port, firstVni, Kernel.look(worker).links());
    }

    public static Optional<String> conflict(int port, int firstVni, List<Link> links) {
        return find(port, vni -> vni >= firstVni, Optional.empty(), links);
    }

    /** Before one launch: what would keep the tunnel of that spec from coming up. */
    public static Optional<String> conflict(PodNetworkSpec spec, NetnsRef worker) {
        return conflict(spec, Kernel.look(worker).links());
    }

    public static Optional<String> conflict(PodNetworkSpec spec, List<Link> links) {
        boolean ipv4 = IpAddresses.isIpv4(spec.worker().address());
        return find(spec.vxlanPort(), vni -> vni == spec.vxlanId(), Optional.of(ipv4), links);
    }

    private static Optional<String> find(int port, IntPredicate ourVni, Optional<Boolean> ipv4, List<Link> links) {
        List<Link> foreign = links.stream()
                .filter(link -> link.vxlan() != null && !link.alias().startsWith(Ownership.PREFIX))
                .toList();
        return foreign.stream()
                .filter(link -> port(link) == port && (ipv4.isEmpty() || has(link, ipv4.get())))
                .filter(link -> keepsPort(link) || ourVni.test(vni(link)))
                .findFirst()
                .map(link -> describe(link, port, foreign));
    }

    private static String describe(Link link, int port, List<Link> foreign) {
        String who = "UDP port " + port + " (-vxlan-port, VXLAN_PORT) is that of " + link.name()
                + ", a vxlan that is not ours (VNI " + vni(link) + ")";
        if (LeftoverTunnels.isNamedLikeOne(link)) {
            return who
                    + ": the Go cloud-api-adaptor makes links of this name for a moment when it starts a pod, and leaves them when the"
                    + " start fails. Stop that adaptor on this worker, then remove the link: ip link del "
                    + link.name()
                    + ", or let this adaptor remove all of them: -remove-foreign-tunnels (REMOVE_FOREIGN_TUNNELS)";
        }
        String why = keepsPort(link)
                ? ", and with its option " + String.join(", ", link.vxlanReceive())
                        + " the kernel lets no tunnel share the port"
                : ", one of those that tunnels take (-vxlan-min-id)";
        String way = keepsPort(link) ? "use another port" : "use another -vxlan-min-id, or another port";
        return who + why + ": " + way + ", such as " + free(port, foreign)
                + ", and open it between workers and pod VMs";
    }

    /** Only a vxlan that is up has a socket. */
    private static boolean keepsPort(Link link) {
        return link.up() && !link.vxlanReceive().isEmpty();
    }

    private static boolean has(Link link, boolean ipv4) {
        VxlanAttributes vxlan = link.vxlan();
        if (vxlan == null || vxlan.external()) {
            return vxlan != null;
        }
        InetAddress address = vxlan.remote() == null ? vxlan.local() : vxlan.remote();
        return (address == null || IpAddresses.isIpv4(address)) == ipv4;
    }

    private static int port(Link link) {
        VxlanAttributes vxlan = link.vxlan();
        return vxlan == null ? 0 : vxlan.port();
    }

    private static int vni(Link link) {
        VxlanAttributes vxlan = link.vxlan();
        return vxlan == null ? 0 : vxlan.vni();
    }

    private static int free(int taken, List<Link> foreign) {
        int port = taken == 65535 ? 4789 : taken + 1;
        // 8472 is what Linux and flannel take of old, so it would be the next conflict.
        while (port == 8472 || isUsed(port, foreign)) {
            port++;
        }
        return port;
    }

    private static boolean isUsed(int port, List<Link> foreign) {
        return foreign.stream().anyMatch(link -> port(link) == port);
    }
}
