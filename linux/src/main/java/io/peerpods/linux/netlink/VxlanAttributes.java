package io.peerpods.linux.netlink;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * What makes one vxlan different from another (linux/if_link.h, IFLA_VXLAN_*).
 *
 * @param vni network identifier, 0 to 2^24-1; unique per UDP port in the namespace the vxlan is made from
 * @param port UDP port of both ends
 * @param remote the peer, or a multicast group, or null when the forwarding database says it
 * @param local source address of outer packets, or null for the route's
 * @param device link of the underlay namespace, needed for a multicast group, else empty
 * @param sourcePortLow first source port, 0 for the kernel's range
 * @param sourcePortHigh last source port plus one, 0 for the kernel's range
 * @param learning whether frames received teach the forwarding database
 * @param ttl of outer packets, 0 for the kernel's choice (1 to a multicast group)
 * @param tos of outer packets, 1 to copy the inner one
 * @param df what outer IPv4 packets say about fragmentation
 * @param udpChecksum whether outer UDP checksums are made over IPv4; over IPv6 they always are
 * @param ageing seconds after which a learned entry is forgotten, 0 for the kernel's default
 * @param gbp group policy extension
 * @param external no fixed VNI: metadata of each packet says it
 */
public record VxlanAttributes(
        int vni,
        int port,
        @Nullable InetAddress remote,
        @Nullable InetAddress local,
        String device,
        int sourcePortLow,
        int sourcePortHigh,
        boolean learning,
        int ttl,
        int tos,
        Df df,
        boolean udpChecksum,
        int ageing,
        boolean gbp,
        boolean external) {

    /** The don't-fragment bit of outer IPv4 packets. */
    public enum Df {
        UNSET(0),
        SET(1),
        INHERIT(2);

        private final int number;

        Df(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }

        static Df of(int number) {
            return switch (number) {
                case 1 -> SET;
                case 2 -> INHERIT;
                default -> UNSET;
            };
        }
    }

    public static final int MAX_VNI = (1 << 24) - 1;

    public VxlanAttributes {
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("not a UDP port: " + port);
        }
        if (remote != null && local != null && remote.getAddress().length != local.getAddress().length) {
            throw new IllegalArgumentException("vxlan: remote " + remote + " and local " + local + " differ in family");
        }
    }

    /** A tunnel to one peer: learning on, no checksum, everything else the kernel's choice. */
    public static VxlanAttributes unicast(int vni, int port, InetAddress remote) {
        return new VxlanAttributes(vni, port, remote, null, "", 0, 0, true, 0, 0, Df.UNSET, false, 0, false, false);
    }

    /** A tunnel whose peers are forwarding database entries. */
    public static VxlanAttributes byFdb(int vni, int port) {
        return new VxlanAttributes(vni, port, null, null, "", 0, 0, true, 0, 0, Df.UNSET, false, 0, false, false);
    }

    public VxlanAttributes withLocal(@Nullable InetAddress address) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                address,
                device,
                sourcePortLow,
                sourcePortHigh,
                learning,
                ttl,
                tos,
                df,
                udpChecksum,
                ageing,
                gbp,
                external);
    }

    public VxlanAttributes withDevice(String link) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                local,
                link,
                sourcePortLow,
                sourcePortHigh,
                learning,
                ttl,
                tos,
                df,
                udpChecksum,
                ageing,
                gbp,
                external);
    }

    /** Source ports from {@code low} to {@code high - 1}. */
    public VxlanAttributes withSourcePorts(int low, int high) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                local,
                device,
                low,
                high,
                learning,
                ttl,
                tos,
                df,
                udpChecksum,
                ageing,
                gbp,
                external);
    }

    public VxlanAttributes withLearning(boolean on) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                local,
                device,
                sourcePortLow,
                sourcePortHigh,
                on,
                ttl,
                tos,
                df,
                udpChecksum,
                ageing,
                gbp,
                external);
    }

    public VxlanAttributes withTtl(int hops) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                local,
                device,
                sourcePortLow,
                sourcePortHigh,
                learning,
                hops,
                tos,
                df,
                udpChecksum,
                ageing,
                gbp,
                external);
    }

    public VxlanAttributes withDf(Df other) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                local,
                device,
                sourcePortLow,
                sourcePortHigh,
                learning,
                ttl,
                tos,
                other,
                udpChecksum,
                ageing,
                gbp,
                external);
    }

    public VxlanAttributes withUdpChecksum(boolean on) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                local,
                device,
                sourcePortLow,
                sourcePortHigh,
                learning,
                ttl,
                tos,
                df,
                on,
                ageing,
                gbp,
                external);
    }

    public VxlanAttributes withGbp(boolean on) {
        return new VxlanAttributes(
                vni,
                port,
                remote,
                local,
                device,
                sourcePortLow,
                sourcePortHigh,
                learning,
                ttl,
                tos,
                df,
                udpChecksum,
                ageing,
                on,
                external);
    }

    public VxlanAttributes asExternal() {
        return new VxlanAttributes(
                0,
                port,
                null,
                local,
                device,
                sourcePortLow,
                sourcePortHigh,
                learning,
                ttl,
                tos,
                df,
                udpChecksum,
                ageing,
                gbp,
                true);
    }
}
