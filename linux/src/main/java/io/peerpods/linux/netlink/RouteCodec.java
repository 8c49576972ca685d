package io.peerpods.linux.netlink;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.sys.Libc;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** struct rtmsg and RTA_* (linux/rtnetlink.h). */
final class RouteCodec {

    static final int RTA_DST = 1;
    static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int RTA_PRIORITY = 6;
    private static final int RTA_PREFSRC = 7;
    private static final int RTA_METRICS = 8;
    private static final int RTA_MULTIPATH = 9;
    private static final int RTA_TABLE = 15;
    private static final int RTA_VIA = 18;
    private static final int RTA_ENCAP_TYPE = 21;
    private static final int RTNH_F_ONLINK = 4;
    private static final int RTM_F_CLONED = 0x200;

    private RouteCodec() {}

    @SuppressWarnings("TooManyParameters") // the fields of struct rtmsg, in its order
    static Message header(
            int type, int flags, int family, int length, int table, int protocol, int scope, int kind, int routeFlags) {
        return new Message(type, flags)
                .u8(family)
                .u8(length)
                .u8(0)
                .u8(0)
                .u8(table)
                .u8(protocol)
                .u8(scope)
                .u8(kind)
                .u32(routeFlags);
    }

    static Message write(int type, int flags, Route route) {
        IpPrefix destination = route.destination();
        boolean delete = type == 25;
        int table = route.table();
        Message message = header(
                type,
                flags,
                Message.family(destination.address()),
                destination.length(),
                table > 0 && table < 256 ? table : 0,
                delete ? 0 : route.protocol(), // 0 and "nowhere" match any when deleting
                delete ? RouteScope.NOWHERE.number() : route.scope().number(),
                route.type().number(),
                route.onlink() && !delete ? RTNH_F_ONLINK : 0);
        if (!destination.isDefault()) {
            message.address(RTA_DST, destination.address());
        }
        if (route.gateway() != null) {
            writeGateway(message, route.gateway(), destination.isIpv4());
        }
        if (route.link() != 0) {
            message.u32(RTA_OIF, route.link());
        }
        if (route.metric() != 0) {
            message.u32(RTA_PRIORITY, route.metric());
        }
        if (route.source() != null && !delete) {
            message.address(RTA_PREFSRC, route.source());
        }
        if (!route.metrics().isEmpty() && !delete) {
            message.nest(RTA_METRICS, () -> route.metrics().values().forEach(message::u32));
        }
        return message.u32(RTA_TABLE, table);
    }

    private static void writeGateway(Message message, InetAddress gateway, boolean ipv4Route) {
        if (IpAddresses.isIpv4(gateway) == ipv4Route) {
            message.address(RTA_GATEWAY, gateway);
            return;
        }
        byte[] address = gateway.getAddress();
        byte[] via = new byte[2 + address.length]; // struct rtvia: family, address
        ByteBuffer.wrap(via)
                .order(ByteOrder.nativeOrder())
                .putShort((short) Message.family(gateway))
                .put(address);
        message.bytes(RTA_VIA, via);
    }

    static BiFunction<Integer, ByteBuffer, Optional<Route>> reader(int family) {
        return reader(family, false);
    }

    /** Routes of other families, which a kernel without IPv6 lists too, are left out; cloned ones unless asked for. */
    static BiFunction<Integer, ByteBuffer, Optional<Route>> reader(int family, boolean cloned) {
        return (type, payload) -> {
            boolean wanted = Byte.toUnsignedInt(payload.get(0)) == family
                    && (cloned || (payload.getInt(8) & RTM_F_CLONED) == 0)
                    && Byte.toUnsignedInt(payload.get(7)) <= RouteType.XRESOLVE.number()
                    && payload.get(7) != 0;
            return wanted ? Optional.of(read(payload, family)) : Optional.empty();
        };
    }

    private static Route read(ByteBuffer payload, int family) {
        int length = Byte.toUnsignedInt(payload.get(1));
        int shortTable = Byte.toUnsignedInt(payload.get(4));
        int protocol = Byte.toUnsignedInt(payload.get(5));
        int scope = Byte.toUnsignedInt(payload.get(6));
        int kind = Byte.toUnsignedInt(payload.get(7));
        int flags = payload.getInt(8);
        Attributes attributes = Attributes.read(payload.position(12));
        InetAddress destination = attributes.address(RTA_DST);
        InetAddress gateway = gateway(attributes);
        int link = attributes.u32(RTA_OIF);
        List<String> beyond = new ArrayList<>();
        int tos = Byte.toUnsignedInt(payload.get(3));
        if (tos != 0) {
            beyond.add("TOS " + tos);
        }
        if (attributes.has(RTA_ENCAP_TYPE)) {
            beyond.add("an encapsulation");
        }
        if (attributes.has(RTA_MULTIPATH)) {
            // struct rtnexthop: length, flags, hops, link, then its attributes. The first hop stands for all.
            beyond.add(hops(attributes.value(RTA_MULTIPATH)) + " next hops");
            ByteBuffer hop = attributes.value(RTA_MULTIPATH);
            if (hop.remaining() >= 8) {
                int hopLength = Math.clamp(Short.toUnsignedInt(hop.getShort(0)), 8, hop.limit());
                link = hop.getInt(4);
                gateway = gateway(Attributes.read(hop.limit(hopLength).position(8)));
            }
        }
        IpPrefix any = family == Libc.AF_INET ? IpPrefix.IPV4_DEFAULT : IpPrefix.IPV6_DEFAULT;
        return new Route(
                destination == null ? any : new IpPrefix(destination, length),
                RouteType.of(kind),
                attributes.has(RTA_TABLE) ? attributes.u32(RTA_TABLE) : shortTable,
                gateway,
                link,
                protocol,
                RouteScope.of(scope),
                attributes.u32(RTA_PRIORITY),
                (flags & RTNH_F_ONLINK) != 0,
                RouteMetrics.read(attributes.nested(RTA_METRICS)),
                attributes.address(RTA_PREFSRC),
                String.join(", ", beyond));
    }

    private static int hops(ByteBuffer list) {
        int hops = 0;
        int position = 0;
        while (list.limit() - position >= 8) {
            hops++;
            position += Math.max(8, Short.toUnsignedInt(list.getShort(position)) + 3 & ~3);
        }
        return hops;
    }

    private static @Nullable InetAddress gateway(Attributes attributes) {
        byte[] via = attributes.bytes(RTA_VIA);
        return via.length > 2
                ? IpAddresses.of(Arrays.copyOfRange(via, 2, via.length))
                : attributes.address(RTA_GATEWAY);
    }

    static String words(Route route) {
        StringBuilder words = new StringBuilder("route ");
        if (route.type() != RouteType.UNICAST) {
            words.append(route.type()).append(' ');
        }
        words.append(route.destination().isDefault() ? "default" : route.destination());
        if (route.gateway() != null) {
            words.append(" via ").append(IpAddresses.text(route.gateway()));
        }
        if (route.link() != 0) {
            words.append(" by link ").append(route.link());
        }
        return words.append(" in table ")
                .append(Integer.toUnsignedString(route.table()))
                .toString();
    }
}
