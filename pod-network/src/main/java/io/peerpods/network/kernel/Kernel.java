package io.peerpods.network.kernel;

import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.op.NetnsRef;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** What one namespace looks like at one moment, and the questions that both sides ask of it. */
public record Kernel(List<Link> links, List<LinkAddress> addresses, List<Route> routes) {

    public static Kernel look(NetnsRef namespace) {
        try (Rtnl rtnl = namespace.openRtnl()) {
            return look(rtnl);
        }
    }

    public static Kernel look(Rtnl rtnl) {
        return new Kernel(rtnl.links(), rtnl.addresses(), rtnl.routes(Tables.MAIN));
    }

    public Optional<Link> link(int index) {
        return links.stream().filter(link -> link.index() == index).findFirst();
    }

    public Optional<Link> link(String name) {
        return links.stream().filter(link -> link.name().equals(name)).findFirst();
    }

    /** The IPv4 addresses of a link that others may use, in the kernel's order: the primary one first. */
    public List<LinkAddress> ipv4(Link link) {
        return addresses(link, true);
    }

    /** The IPv6 addresses of a link but its link-local ones. */
    public List<LinkAddress> ipv6(Link link) {
        return addresses(link, false);
    }

    private List<LinkAddress> addresses(Link link, boolean ipv4) {
        return addresses.stream()
                .filter(address -> address.index() == link.index()
                        && address.prefix().isIpv4() == ipv4
                        && address.scope() == RouteScope.UNIVERSE)
                .toList();
    }

    /** IPv4 default routes that lead somewhere, the kernel's choice first: lowest metric, then the order of the table. */
    public List<Route> defaults() {
        return routes.stream()
                .filter(route -> route.type() == RouteType.UNICAST
                        && route.destination().isDefault()
                        && route.destination().isIpv4()
                        && route.link() != 0)
                .sorted(Comparator.comparingLong(route -> Integer.toUnsignedLong(route.metric())))
                .toList();
    }

    public Optional<Route> defaultBy(Link link) {
        return defaults().stream().filter(route -> route.link() == link.index()).findFirst();
    }
}
