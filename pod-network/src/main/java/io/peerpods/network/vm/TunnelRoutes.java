package io.peerpods.network.vm;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.spec.PodRoute;
import io.peerpods.network.tunnel.MetadataAddresses;
import io.peerpods.network.tunnel.TunnelMtu;
import io.peerpods.network.tunnel.Underlay;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The pod's routes as they are made in the VM, where its interface is the tunnel.
 *
 * @param pod the pod's namespace
 * @param mtu of the tunnel; no route claims more, for the kernel believes a route sooner than its link
 */
record TunnelRoutes(PodNetworkSpec spec, NetnsRef pod, int mtu) {
    // IPv4 and TCP headers without options.
    private static final int TCP_OVERHEAD = 40;

    /**
     * With the MTU that the underlay leaves.
     *
     * @throws PodNetworkException when nothing useful is left of it
     */
    static TunnelRoutes of(PodNetworkSpec spec, Underlay underlay, NetnsRef pod) throws PodNetworkException {
        int mtu = TunnelMtu.of(
                spec.pod().mtu(),
                underlay.mtu(),
                spec.worker().address(),
                spec.options().tunnelMtu(),
                spec.options().publicUnderlay());
        return new TunnelRoutes(spec, pod, mtu);
    }

    /** The spec's routes, those on the link first, so that every gateway is reachable when its route is made; refusals last. */
    List<Op.Route> inTable(int table, boolean defaults) {
        List<Op.Route> ops = new ArrayList<>(byTunnel()
                .filter(route -> defaults || !route.isDefault())
                .distinct()
                .sorted(Comparator.comparing(route -> route.via() != null))
                .map(route -> op(route).inTable(table))
                .toList());
        spec.routes().stream()
                .filter(PodRoute::isRefusal)
                .filter(route -> defaults || !route.isDefault())
                .filter(route -> !isGuarded(route))
                .distinct()
                .forEach(route -> ops.add(Op.Route.refusal(pod, route.destination(), route.type())
                        .withMetric(route.metric())
                        .inTable(table)));
        return ops;
    }

    private Stream<PodRoute> byTunnel() {
        return spec.routes().stream()
                .filter(route -> route.dev().equals(spec.pod().name()));
    }

    /** The plan's own refusal is there already. */
    private boolean isGuarded(PodRoute route) {
        return !spec.options().allowPodMetadata()
                && route.destination().isHost()
                && MetadataAddresses.is(route.destination().address());
    }

    /** One network by the tunnel; empty when a route of the spec says so already or the pod has no gateway. */
    Optional<Op.Route> byTunnel(IpPrefix destination) {
        if (spec.routes().stream().anyMatch(route -> route.destination().equals(destination))) {
            return Optional.empty();
        }
        return spec.defaultRoute()
                .filter(route -> route.destination().isIpv4() == destination.isIpv4())
                .map(route -> op(
                        new PodRoute(destination, route.via(), route.dev(), "static", route.scope(), 0, route.onlink())
                                .with(route.source(), route.metrics())));
    }

    private Op.Route op(PodRoute route) {
        Op.Route op = Op.Route.unicast(pod, route.destination(), route.via(), route.dev())
                .inTable(Tables.MAIN)
                .withProtocol(protocol(route.protocol()))
                .withMetric(route.metric())
                .withScope(scope(route))
                .withSource(source(route))
                .withMetrics(fitting(route.metrics()));
        return route.via() != null && (route.onlink() || !onLink(route.via())) ? op.asOnlink() : op;
    }

    /** A connected route of the kernel's has the address that it was made for, also where the worker's adaptor does not say so. */
    private @Nullable InetAddress source(PodRoute route) {
        boolean connected = route.via() == null && route.protocol().equals("kernel");
        return route.source() != null || !connected
                ? route.source()
                : spec.pod().addresses().stream()
                        .map(IpPrefix::address)
                        .filter(route.destination()::contains)
                        .findFirst()
                        .orElse(null);
    }

    private RouteMetrics fitting(RouteMetrics metrics) {
        return metrics.with(RouteMetrics.MTU, Math.min(metrics.mtu(), mtu))
                .with(
                        RouteMetrics.ADVMSS,
                        Math.clamp(metrics.get(RouteMetrics.ADVMSS), 0, Math.max(0, mtu - TCP_OVERHEAD)));
    }

    private boolean onLink(InetAddress gateway) {
        return byTunnel()
                .anyMatch(route -> route.via() == null && route.destination().contains(gateway));
    }

    private static int protocol(String name) {
        return switch (name) {
            case "kernel" -> Route.PROTOCOL_KERNEL;
            case "boot" -> Route.PROTOCOL_BOOT;
            case "dhcp" -> Route.PROTOCOL_DHCP;
            default -> Route.PROTOCOL_STATIC;
        };
    }

    private static @Nullable RouteScope scope(PodRoute route) {
        return switch (route.scope()) {
            case "link" -> RouteScope.LINK;
            case "site" -> RouteScope.SITE;
            case "host" -> RouteScope.HOST;
            case "nowhere" -> RouteScope.NOWHERE;
            default -> null;
        };
    }
}
