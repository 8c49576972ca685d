package io.peerpods.network;

import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.op.NetnsRef;
import java.util.List;
import java.util.Optional;

/** Looks for somebody else's vxlan (a CNI's overlay) on the UDP port that our tunnels want. */
public final class ForeignVxlan {
    private ForeignVxlan() {}

    /** What to say when there is one: it is named, and a free port is proposed. Empty when there is none. */
    public static Optional<String> conflict(int port, NetnsRef worker) {
        return conflict(port, Kernel.look(worker).links());
    }

    static Optional<String> conflict(int port, List<Link> links) {
        List<Link> foreign = links.stream()
                .filter(link -> link.vxlan() != null && !link.alias().startsWith(Ownership.PREFIX))
                .toList();
        return foreign.stream()
                .filter(link -> uses(link, port))
                .findFirst()
                .map(link -> "UDP port " + port + " (-vxlan-port, VXLAN_PORT) is that of " + link.name()
                        + ", a vxlan that is not ours (VNI " + vni(link) + "): use another port, such as "
                        + free(port, foreign) + ", and open it between workers and pod VMs");
    }

    private static boolean uses(Link link, int port) {
        var vxlan = link.vxlan();
        return vxlan != null && vxlan.port() == port;
    }

    private static int vni(Link link) {
        var vxlan = link.vxlan();
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
        return foreign.stream().anyMatch(link -> uses(link, port));
    }
}
