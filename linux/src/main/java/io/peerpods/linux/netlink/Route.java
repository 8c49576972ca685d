package io.peerpods.linux.netlink;

import io.peerpods.linux.IpPrefix;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A route with one next hop.
 *
 * @param destination a network
 * @param gateway null for one on the link; may be of the other family
 * @param link index of the outgoing link, 0 for none
 * @param protocol who made it (RTPROT_*): 2 kernel, 3 boot, 4 static, 16 dhcp
 * @param metric lower is preferred; IPv6 says 1024 where nothing was asked for
 * @param onlink the gateway is reached on the link though no route says so
 * @param mtu 0 for the link's
 * @param source preferred source address, or null
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
        int mtu,
        @Nullable InetAddress source) {

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
                0,
                null);
    }

    /** The same in another table. */
    public Route inTable(int number) {
        return new Route(destination, type, number, gateway, link, protocol, scope, metric, onlink, mtu, source);
    }

    /** The same with another metric. */
    public Route withMetric(int other) {
        return new Route(destination, type, table, gateway, link, protocol, scope, other, onlink, mtu, source);
    }
}
