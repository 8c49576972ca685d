package io.peerpods.linux.netlink;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/** Reads RTM_NEWLINK (linux/if_link.h). */
final class LinkReader {

    private static final int IFLA_LINK = 5;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_STATS64 = 23;
    private static final int IFLA_CARRIER = 33;
    private static final int IFLA_LINK_NETNSID = 37;
    private static final int IFF_UP = 1;
    private static final int IFF_LOOPBACK = 8;

    private LinkReader() {}

    static Optional<Link> read(int type, ByteBuffer payload) {
        int index = payload.getInt(4);
        int flags = payload.getInt(8);
        Attributes attributes = Attributes.read(payload.position(16));
        Attributes info = attributes.nested(IFLA_LINKINFO);
        String kind = info.string(1);
        Attributes data = info.nested(2);
        boolean vxlan = kind.equals("vxlan");
        return Optional.of(new Link(
                index,
                attributes.string(Rtnl.IFLA_IFNAME),
                kind,
                attributes.mac(Rtnl.IFLA_ADDRESS),
                attributes.u32(Rtnl.IFLA_MTU),
                (flags & IFF_UP) != 0,
                attributes.u8(IFLA_CARRIER) != 0,
                (flags & IFF_LOOPBACK) != 0,
                attributes.string(Rtnl.IFLA_IFALIAS),
                attributes.u32(IFLA_LINK),
                attributes.has(IFLA_LINK_NETNSID) ? attributes.u32(IFLA_LINK_NETNSID) : -1,
                attributes.u32(Rtnl.IFLA_MASTER),
                vxlan ? VxlanCodec.read(data) : null,
                vxlan ? data.u32(VxlanCodec.LINK) : 0,
                vxlan ? VxlanCodec.receiveOptions(data) : List.of(),
                counters(attributes.value(IFLA_STATS64))));
    }

    private static LinkCounters counters(ByteBuffer stats) {
        if (stats.remaining() < 64) {
            return LinkCounters.ZERO;
        }
        return new LinkCounters(
                stats.getLong(0),
                stats.getLong(8),
                stats.getLong(16),
                stats.getLong(24),
                stats.getLong(32),
                stats.getLong(40),
                stats.getLong(48),
                stats.getLong(56));
    }
}
