package io.peerpods.network;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.LinkCounters;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.network.kernel.Kernel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Builds what a namespace could look like, without one. */
public final class Kernels {
    private final List<Link> links = new ArrayList<>();
    private final List<LinkAddress> addresses = new ArrayList<>();
    private final List<Route> routes = new ArrayList<>();

    public Kernels() {
        links.add(new Link(1, "lo", "", null, 65536, true, true, true, "", 0, -1, 0, null, 0, List.of(), counters()));
        address("lo", "127.0.0.1/8", RouteScope.HOST);
    }

    public static MacAddress mac(int index) {
        return MacAddress.of(String.format(Locale.ROOT, "02:00:00:00:00:%02x", index));
    }

    public Kernels link(String name, String kind, String... prefixes) {
        return link(name, kind, "", null, prefixes);
    }

    public Kernels vxlan(String name, int vni, int port, String alias, String... receive) {
        return link(name, "vxlan", alias, VxlanAttributes.byFdb(vni, port), List.of(receive));
    }

    private Kernels link(String name, String kind, String alias, @Nullable VxlanAttributes vxlan, String... prefixes) {
        return link(name, kind, alias, vxlan, List.of(), prefixes);
    }

    private Kernels link(
            String name,
            String kind,
            String alias,
            @Nullable VxlanAttributes vxlan,
            List<String> receive,
            String... prefixes) {
        int index = links.size() + 1;
        links.add(new Link(
                index,
                name,
                kind,
                mac(index),
                1500,
                true,
                true,
                false,
                alias,
                0,
                -1,
                0,
                vxlan,
                0,
                receive,
                counters()));
        for (String prefix : prefixes) {
            address(name, prefix, RouteScope.UNIVERSE);
        }
        return this;
    }

    public Kernels address(String link, String prefix, RouteScope scope) {
        addresses.add(new LinkAddress(index(link), IpPrefix.of(prefix), scope, true, true));
        return this;
    }

    public Kernels route(String destination, String gateway, String link, int metric) {
        return route(destination, gateway, link, metric, Route.PROTOCOL_BOOT, null);
    }

    public Kernels route(
            String destination, String gateway, String link, int metric, int protocol, @Nullable String source) {
        routes.add(new Route(
                IpPrefix.of(destination),
                RouteType.UNICAST,
                Tables.MAIN,
                gateway.isEmpty() ? null : IpAddresses.parse(gateway),
                index(link),
                protocol,
                gateway.isEmpty() ? RouteScope.LINK : RouteScope.UNIVERSE,
                metric,
                false,
                RouteMetrics.NONE,
                source == null ? null : IpAddresses.parse(source),
                ""));
        return this;
    }

    public Kernel build() {
        return new Kernel(List.copyOf(links), List.copyOf(addresses), List.copyOf(routes));
    }

    int index(String name) {
        return links.stream()
                .filter(link -> link.name().equals(name))
                .findFirst()
                .orElseThrow()
                .index();
    }

    private static LinkCounters counters() {
        return LinkCounters.ZERO;
    }
}
