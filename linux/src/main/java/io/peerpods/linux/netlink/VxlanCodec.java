package io.peerpods.linux.netlink;

import io.peerpods.linux.IpAddresses;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** IFLA_VXLAN_* (linux/if_link.h). */
final class VxlanCodec {

    static final int LINK = 3;
    private static final int ID = 1;
    private static final int GROUP = 2;
    private static final int LOCAL = 4;
    private static final int TTL = 5;
    private static final int TOS = 6;
    private static final int LEARNING = 7;
    private static final int AGEING = 8;
    private static final int PORT_RANGE = 10;
    private static final int PORT = 15;
    private static final int GROUP6 = 16;
    private static final int LOCAL6 = 17;
    private static final int UDP_CSUM = 18;
    private static final int UDP_ZERO_CSUM6_TX = 19;
    private static final int UDP_ZERO_CSUM6_RX = 20;
    private static final int REMCSUM_RX = 22;
    private static final int GBP = 23;
    private static final int COLLECT_METADATA = 25;
    private static final int GPE = 27;
    private static final int DF = 29;
    private static final int VNIFILTER = 30;

    private VxlanCodec() {}

    static void write(Message message, VxlanAttributes vxlan, int device) {
        if (vxlan.external()) {
            message.u8(COLLECT_METADATA, 1);
        } else {
            message.u32(ID, vxlan.vni());
        }
        message.be16(PORT, vxlan.port());
        writeAddress(message, GROUP, GROUP6, vxlan.remote());
        writeAddress(message, LOCAL, LOCAL6, vxlan.local());
        if (device != 0) {
            message.u32(LINK, device);
        }
        message.u8(LEARNING, vxlan.learning() ? 1 : 0)
                .u8(UDP_CSUM, vxlan.udpChecksum() ? 1 : 0)
                // The kernel's defaults over IPv6, where a checksum is the rule. A receive option of our own would keep
                // every other vxlan off the port, and theirs would keep off ours.
                .u8(UDP_ZERO_CSUM6_TX, 0)
                .u8(UDP_ZERO_CSUM6_RX, 0);
        if (vxlan.ttl() != 0) {
            message.u8(TTL, vxlan.ttl());
        }
        if (vxlan.tos() != 0) {
            message.u8(TOS, vxlan.tos());
        }
        if (vxlan.ageing() != 0) {
            message.u32(AGEING, vxlan.ageing());
        }
        if (vxlan.df() != VxlanAttributes.Df.UNSET) {
            message.u8(DF, vxlan.df().number());
        }
        if (vxlan.sourcePortLow() != 0) {
            int low = vxlan.sourcePortLow();
            int high = vxlan.sourcePortHigh();
            message.bytes(PORT_RANGE, new byte[] {(byte) (low >> 8), (byte) low, (byte) (high >> 8), (byte) high});
        }
        if (vxlan.gbp()) {
            message.flag(GBP);
        }
    }

    private static void writeAddress(Message message, int type, int type6, @Nullable InetAddress address) {
        if (address != null) {
            message.address(IpAddresses.isIpv4(address) ? type : type6, address);
        }
    }

    static VxlanAttributes read(Attributes data) {
        return new VxlanAttributes(
                data.u32(ID),
                Math.max(1, data.be16(PORT, 0)),
                address(data, GROUP, GROUP6),
                address(data, LOCAL, LOCAL6),
                "",
                data.be16(PORT_RANGE, 0),
                data.be16(PORT_RANGE, 2),
                data.u8(LEARNING) != 0,
                data.u8(TTL),
                data.u8(TOS),
                VxlanAttributes.Df.of(data.u8(DF)),
                data.u8(UDP_CSUM) != 0,
                data.u32(AGEING),
                data.has(GBP),
                data.u8(COLLECT_METADATA) != 0);
    }

    /** VXLAN_F_RCV_FLAGS of the kernel's vxlan.h: the socket of a port is shared by those that agree in all of these. */
    static List<String> receiveOptions(Attributes data) {
        List<String> options = new ArrayList<>();
        addIf(data.u8(COLLECT_METADATA) != 0, "external", options);
        addIf(data.has(GBP), "gbp", options);
        addIf(data.has(GPE), "gpe", options);
        addIf(data.u8(REMCSUM_RX) != 0, "remcsumrx", options);
        addIf(data.u8(UDP_ZERO_CSUM6_RX) != 0, "udp6zerocsumrx", options);
        addIf(data.u8(VNIFILTER) != 0, "vnifilter", options);
        return List.copyOf(options);
    }

    private static void addIf(boolean set, String option, List<String> options) {
        if (set) {
            options.add(option);
        }
    }

    private static @Nullable InetAddress address(Attributes data, int type, int type6) {
        return data.address(data.has(type) ? type : type6);
    }
}
