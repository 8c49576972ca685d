package io.peerpods.linux.netlink;

import io.peerpods.linux.IpPrefix;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A route.
 *
 * @param destination a network
 * @param gateway null for one on the link; may be of the other family
 * @param link index of the outgoing link, 0 for none
 * @param protocol who made it (RTPROT_*): 2 kernel, 3 boot, 4 static, 16 dhcp
 * @param metric lower is preferred; IPv6 says 1024 where nothing was asked for
 * @param onlink the gateway is reached on the link though no route says so
 * @param source preferred source address, or null
 * @param beyond what of the kernel's route is not in this record, in words ("2 next hops", of which the first is here); empty for
 *     nothing
 */
public record Route(
        IpPrefix destination,
        RouteType type,
        int table,
        @Nullable InetAddress gateway,
        int link,
        int protocol,
        RouteScope scope,
        int metric,
        boolean onlink,
        RouteMetrics metrics,
        @Nullable InetAddress source,
        String beyond) {

    public static final int PROTOCOL_KERNEL = 2;
    public static final int PROTOCOL_BOOT = 3;
    public static final int PROTOCOL_STATIC = 4;
    public static final int PROTOCOL_DHCP = 16;

    /** By a link, with a gateway unless that is null, in the main table, made as "static". */
    public static Route unicast(IpPrefix destination, @Nullable InetAddress gateway, int link) {
        return new Route(
                destination,
                RouteType.UNICAST,
                Tables.MAIN,
                gateway,
                link,
                PROTOCOL_STATIC,
                gateway == null ? RouteScope.LINK : RouteScope.UNIVERSE,
                0,
                false,
                RouteMetrics.NONE,
                null,
                "");
    }

    /** A refusing route has neither gateway nor link. */
    public static Route refusal(IpPrefix destination, RouteType type) {
        return new Route(
                destination,
                type,
                Tables.MAIN,
                null,
                0,
                PROTOCOL_STATIC,
                RouteScope.UNIVERSE,
                0,
                false,
                RouteMetrics.NONE,
                null,
                "");
    }

    /** The same in another table. */
    public Route inTable(int number) {
        return new Route(
                destination, type, number, gateway, link, protocol, scope, metric, onlink, metrics, source, beyond);
    }

    /** The same with another metric. */
    public Route withMetric(int other) {
        return new Route(
                destination, type, table, gateway, link, protocol, scope, other, onlink, metrics, source, beyond);
    }

    /** The same made by another (RTPROT_*). */
    public Route withProtocol(int other) {
        return new Route(
                destination, type, table, gateway, link, other, scope, metric, onlink, metrics, source, beyond);
    }
}
