package io.peerpods.network.tunnel;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.nft.NftRules;
import java.net.InetAddress;
import java.util.List;

/**
 * The nft rules that each side of a tunnel has where its outer packets travel: they are not tracked (every flow would be an entry of
 * its own, as vxlan hashes the source port), and a VNI is taken from its peer's address only, which the kernel's vxlan does
 * not check.
 *
 * <p>The match is on whole datagrams: a {@code ct} expression makes the kernel reassemble fragments at priority -400, before these
 * chains. Without it only the first fragment has ports, none needs to have ports and VNI, and a forged frame in two fragments passes.
 * Fragments as such are normal: a frame that is too long for the underlay is cut outside of the tunnel.
 */
public final class TunnelRules {
    public static final NftRules.Chain PREROUTING = new NftRules.Chain("raw_prerouting", "filter", "prerouting", -300);
    static final NftRules.Chain OUTPUT = new NftRules.Chain("raw_output", "filter", "output", -300);

    private TunnelRules() {}

    public static List<NftRules.Chain> chains() {
        return List.of(PREROUTING, OUTPUT);
    }

    public static List<NftRules.Rule> rules(InetAddress peer, int port, int vni) {
        String outer = "udp dport " + port;
        return List.of(
                // Never decides anything: that it is there is what switches reassembly on.
                new NftRules.Rule(PREROUTING.name(), outer + " ct state established"),
                // No vxlan sends IP options or extension headers, so what has them is made by hand.
                new NftRules.Rule(PREROUTING.name(), "ip hdrlength > 5 " + outer + " counter drop"),
                new NftRules.Rule(PREROUTING.name(), "ip6 nexthdr != udp " + outer + " counter drop"),
                new NftRules.Rule(PREROUTING.name(), foreign(peer, port, vni) + " counter drop"),
                // The other family has no peer at all.
                new NftRules.Rule(
                        PREROUTING.name(),
                        "meta nfproto " + otherFamily(peer) + " " + outer + " @th,96,24 " + vni + " counter drop"),
                new NftRules.Rule(PREROUTING.name(), source(peer) + " " + text(peer) + " " + outer + " notrack"),
                new NftRules.Rule(OUTPUT.name(), destination(peer) + " " + text(peer) + " " + outer + " notrack"));
    }

    /** Matches packets for the tunnel that are not from the peer, of its family. */
    public static String foreign(InetAddress peer, int port, int vni) {
        // The VNI is 24 bits after UDP's 8 bytes and 4 bytes of VXLAN (RFC 7348 section 5).
        return "udp dport " + port + " @th,96,24 " + vni + " " + source(peer) + " != " + text(peer);
    }

    public static String source(InetAddress address) {
        return family(address) + " saddr";
    }

    public static String destination(InetAddress address) {
        return family(address) + " daddr";
    }

    public static String text(InetAddress address) {
        return IpAddresses.text(address);
    }

    private static String family(InetAddress address) {
        return IpAddresses.isIpv4(address) ? "ip" : "ip6";
    }

    private static String otherFamily(InetAddress address) {
        return IpAddresses.isIpv4(address) ? "ipv6" : "ipv4";
    }
}
