package io.peerpods.network.tunnel;

import io.peerpods.linux.IpAddresses;
import io.peerpods.network.spec.PodNetworkException;
import java.net.InetAddress;

/**
 * The MTU of the tunnel in the VM. It is always computed: the kernel says 1500 for a vxlan without a lower device and never
 * raises one that has it.
 */
public final class TunnelMtu {
    /** Ethernet, IPv4, UDP and VXLAN headers of the outer packet that do not fit beside the inner one. */
    public static final int IPV4_OVERHEAD = 50;

    /** The same with an outer IPv6 header. */
    public static final int IPV6_OVERHEAD = 70;

    /** What is safe across the internet. */
    public static final int PUBLIC_LIMIT = 1450;

    /** The least that IPv4 works with (RFC 791). */
    public static final int LEAST = 68;

    private TunnelMtu() {}

    /**
     * The greatest MTU that fits everything.
     *
     * @param podMtu of the pod's interface on the worker
     * @param routeMtu of the route to the peer
     * @param configured upper bound that the operator gives, 0 for none
     * @param publicUnderlay whether outer packets cross the internet though the peer's address is private
     * @throws PodNetworkException when nothing useful is left
     */
    public static int of(int podMtu, int routeMtu, InetAddress peer, int configured, boolean publicUnderlay)
            throws PodNetworkException {
        int mtu = Math.min(podMtu, routeMtu - (IpAddresses.isIpv4(peer) ? IPV4_OVERHEAD : IPV6_OVERHEAD));
        if (configured > 0) {
            mtu = Math.min(mtu, configured);
        }
        if (publicUnderlay || isPublic(peer)) {
            mtu = Math.min(mtu, PUBLIC_LIMIT);
        }
        if (mtu < LEAST) {
            throw new PodNetworkException("the tunnel would have an MTU of " + mtu + ": the pod's is " + podMtu
                    + ", the route to " + IpAddresses.text(peer) + " has " + routeMtu
                    + (configured > 0 ? ", TUNNEL_MTU is " + configured : ""));
        }
        return mtu;
    }

    /** Whether the address is one of the internet's: not private, shared (RFC 6598), link-local, loopback or unique local. */
    static boolean isPublic(InetAddress address) {
        byte[] bytes = address.getAddress();
        boolean shared = bytes.length == 4 && bytes[0] == 100 && (bytes[1] & 0xc0) == 64;
        boolean uniqueLocal = bytes.length == 16 && (bytes[0] & 0xfe) == 0xfc;
        return !(shared
                || uniqueLocal
                || address.isSiteLocalAddress()
                || address.isLinkLocalAddress()
                || address.isLoopbackAddress()
                || address.isAnyLocalAddress());
    }
}
