package io.peerpods.network.worker;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.tunnel.TunnelRules;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The links that the Go cloud-api-adaptor leaves in a worker's own namespace. It makes a pod's tunnel there under the name
 * {@code ppvxlan1} to {@code ppvxlan5}, and at once moves it into the pod's namespace, renames it and sets it up. So the tunnel of a
 * running pod is elsewhere under another name, and a link that is still here, down, is of a start that failed in between.
 */
public final class LeftoverTunnels {
    private static final Pattern NAME = Pattern.compile("ppvxlan[0-9]+");

    private LeftoverTunnels() {}

    /**
     * Removes them; links that have such a name and are not as that adaptor makes them stay.
     *
     * @param worker the worker's own namespace
     * @return what was removed, one text a link: name, VNI, port, peer
     * @throws LinuxException when the kernel refuses
     */
    public static List<String> remove(NetnsRef worker) {
        try (Rtnl rtnl = worker.openRtnl()) {
            return remove(rtnl);
        }
    }

    private static List<String> remove(Rtnl rtnl) {
        List<String> removed = new ArrayList<>();
        for (Link link : rtnl.links()) {
            VxlanAttributes vxlan = link.vxlan();
            if (vxlan == null || !isLeftover(link, vxlan)) {
                continue;
            }
            try {
                rtnl.deleteLink(link.index());
                removed.add(link.name() + " (VNI " + vxlan.vni() + ", UDP port " + vxlan.port() + ", peer "
                        + (vxlan.remote() == null ? "none" : TunnelRules.text(vxlan.remote())) + ")");
            } catch (LinuxException e) {
                if (!e.isGone()) {
                    throw e;
                }
            }
        }
        return removed;
    }

    /** Whether that adaptor gives such a name. */
    static boolean isNamedLikeOne(Link link) {
        return NAME.matcher(link.name()).matches();
    }

    private static boolean isLeftover(Link link, VxlanAttributes vxlan) {
        return isNamedLikeOne(link)
                && link.kind().equals("vxlan")
                && !link.up()
                && link.master() == 0
                && link.alias().isEmpty()
                && link.vxlanReceive().isEmpty()
                && link.vxlanDevice() == 0
                && !vxlan.external()
                && vxlan.remote() != null
                && !vxlan.remote().isMulticastAddress()
                && vxlan.local() == null;
    }
}
