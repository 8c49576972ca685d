package io.peerpods.network.spec;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteType;
import java.net.InetAddress;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A route of the pod's main table: by the pod's interface, or a refusal.
 *
 * @param via gateway, or null for a destination on the link and for a refusal
 * @param dev the pod's name of the link; empty for a refusal
 * @param protocol {@code static}, {@code boot}, {@code dhcp}, {@code kernel}, or empty when unknown
 * @param scope {@code link}, {@code site}, {@code host}, {@code nowhere}, or empty for the universe
 * @param metric 0 for the kernel's default
 * @param onlink the gateway is on the link though no other route says so
 * @param type unicast, or one of {@link #REFUSALS}
 * @param source preferred source address, one of the pod's; null for any
 * @param metrics the route's MTU and what else TCP looks at
 */
public record PodRoute(
        IpPrefix destination,
        @Nullable InetAddress via,
        String dev,
        String protocol,
        String scope,
        int metric,
        boolean onlink,
        RouteType type,
        @Nullable InetAddress source,
        RouteMetrics metrics) {

    static final Set<String> PROTOCOLS = Set.of("", "static", "boot", "dhcp", "kernel");
    static final Set<String> SCOPES = Set.of("", "link", "site", "host", "nowhere");

    /** The types of routes that lead nowhere, each in its own way. */
    public static final Set<RouteType> REFUSALS =
            Set.of(RouteType.BLACKHOLE, RouteType.UNREACHABLE, RouteType.PROHIBIT, RouteType.THROW);

    public PodRoute {
        destination = destination.network();
        if (!PROTOCOLS.contains(protocol)) {
            throw new IllegalArgumentException("route to " + destination + ": unknown protocol \"" + protocol + "\"");
        }
        if (!SCOPES.contains(scope)) {
            throw new IllegalArgumentException("route to " + destination + ": unknown scope \"" + scope + "\"");
        }
        if (type != RouteType.UNICAST && !REFUSALS.contains(type)) {
            throw new IllegalArgumentException("route to " + destination + ": a pod has no routes of type " + type);
        }
        if (type != RouteType.UNICAST && !dev.isEmpty()) {
            throw new IllegalArgumentException(
                    "route to " + destination + ": one of type " + type + " is not by " + dev);
        }
    }

    /** A unicast route without metrics and preferred source. */
    public PodRoute(
            IpPrefix destination,
            @Nullable InetAddress via,
            String dev,
            String protocol,
            String scope,
            int metric,
            boolean onlink) {
        this(destination, via, dev, protocol, scope, metric, onlink, RouteType.UNICAST, null, RouteMetrics.NONE);
    }

    /** A route that leads nowhere. */
    public static PodRoute refusal(IpPrefix destination, RouteType type, int metric) {
        return new PodRoute(destination, null, "", "", "", metric, false, type, null, RouteMetrics.NONE);
    }

    /** A static route by a gateway, or on the link when that is null. */
    public static PodRoute of(IpPrefix destination, @Nullable InetAddress via, String dev) {
        return new PodRoute(destination, via, dev, "static", via == null ? "link" : "", 0, false);
    }

    public PodRoute with(@Nullable InetAddress otherSource, RouteMetrics otherMetrics) {
        return new PodRoute(destination, via, dev, protocol, scope, metric, onlink, type, otherSource, otherMetrics);
    }

    public boolean isRefusal() {
        return type != RouteType.UNICAST;
    }

    public boolean isDefault() {
        return destination.isDefault();
    }
}
