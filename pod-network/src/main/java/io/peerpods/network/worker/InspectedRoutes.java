package io.peerpods.network.worker;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodRoute;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The IPv4 routes of a pod's namespace on the worker that its VM takes over: those by the pod's interface, and the refusals. What a VM
 * cannot have just so is refused: a pod that starts has the routes that its CNI gave it.
 *
 * @param pod for messages
 * @param address the pod's address, the one that the VM has too
 * @param main the namespace's main table
 */
record InspectedRoutes(String pod, Link link, InetAddress address, List<Route> main) {
    private static final Comparator<Route> ORDER = Comparator.comparing(
                    (Route route) -> route.destination().address().getAddress(), Arrays::compareUnsigned)
            .thenComparingInt(route -> route.destination().length())
            .thenComparingLong(route -> Integer.toUnsignedLong(route.metric()));

    /**
     * The routes, and one to each of these networks by the pod's gateway that has none.
     *
     * @throws PodNetworkException naming the route that cannot be carried, and why
     */
    List<PodRoute> with(PodSubnetCidrs alwaysByTunnel) throws PodNetworkException {
        List<Route> ipv4 = main.stream()
                .filter(route -> route.destination().isIpv4())
                .sorted(ORDER)
                .toList();
        List<PodRoute> routes = new ArrayList<>();
        for (Route route : ipv4) {
            requireWhole(route);
            if (route.type() == RouteType.UNICAST && route.link() == link.index()) {
                routes.add(unicast(route));
            }
        }
        Optional<PodRoute> way = routes.stream()
                .filter(PodRoute::isDefault)
                .min(Comparator.comparingLong(route -> Integer.toUnsignedLong(route.metric())));
        for (IpPrefix network : alwaysByTunnel.networks()) {
            if (network.isIpv4()
                    && routes.stream().noneMatch(route -> route.destination().equals(network))) {
                routes.add(always(network, way));
            }
        }
        ipv4.stream()
                .filter(route -> PodRoute.REFUSALS.contains(route.type()))
                .map(route -> PodRoute.refusal(route.destination(), route.type(), route.metric()))
                .forEach(routes::add);
        return routes;
    }

    private PodRoute always(IpPrefix network, Optional<PodRoute> way) {
        @Nullable InetAddress gateway = way.map(PodRoute::via).orElse(null);
        boolean onlink = way.map(PodRoute::onlink).orElse(false);
        PodRoute route = new PodRoute(network, gateway, link.name(), "", gateway == null ? "link" : "", 0, onlink);
        return way.map(like -> route.with(like.source(), like.metrics())).orElse(route);
    }

    private void requireWhole(Route route) throws PodNetworkException {
        if (!route.beyond().isEmpty()) {
            throw new PodNetworkException(
                    name(route) + " has " + route.beyond()
                            + ", and a VM takes over routes with one next hop and nothing of that kind; let the CNI make a plain route");
        }
        if (route.type() != RouteType.UNICAST && !PodRoute.REFUSALS.contains(route.type())) {
            throw new PodNetworkException(name(route) + " is of type " + route.type()
                    + ", which a VM cannot take over; let the CNI make a plain route");
        }
    }

    private String name(Route route) {
        return pod + ": its route to "
                + (route.destination().isDefault() ? "everywhere (default)" : route.destination());
    }

    private PodRoute unicast(Route route) throws PodNetworkException {
        @Nullable InetAddress source = route.source();
        if (source != null && !source.equals(address)) {
            throw new PodNetworkException(name(route) + " has the source address " + IpAddresses.text(source)
                    + ", and the VM has only the pod's, " + IpAddresses.text(address));
        }
        return new PodRoute(
                route.destination(),
                route.gateway(),
                link.name(),
                protocol(route.protocol()),
                route.scope() == RouteScope.UNIVERSE ? "" : route.scope().toString(),
                route.metric(),
                route.onlink(),
                RouteType.UNICAST,
                source,
                route.metrics());
    }

    // Routing daemons have numbers of their own; none of them runs in the VM.
    private static String protocol(int number) {
        return switch (number) {
            case Route.PROTOCOL_KERNEL -> "kernel";
            case Route.PROTOCOL_BOOT -> "boot";
            case Route.PROTOCOL_DHCP -> "dhcp";
            default -> "static";
        };
    }
}
