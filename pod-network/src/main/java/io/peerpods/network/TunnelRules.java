package io.peerpods.network;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.nft.NftRules;
import java.net.InetAddress;
import java.util.List;

/**
 * The nft rules that each side of a tunnel has where its outer packets travel: they are not tracked (every flow would be an entry of
 * its own, as vxlan hashes the source port), and a VNI is taken from its peer's address only, which the kernel's vxlan does
 * not check.
 */
final class TunnelRules {
    static final NftRules.Chain PREROUTING = new NftRules.Chain("raw_prerouting", "filter", "prerouting", -300);
    static final NftRules.Chain OUTPUT = new NftRules.Chain("raw_output", "filter", "output", -300);

    private TunnelRules() {}

    static List<NftRules.Chain> chains() {
        return List.of(PREROUTING, OUTPUT);
    }

    static List<NftRules.Rule> rules(InetAddress peer, int port, int vni) {
        String outer = "udp dport " + port;
        return List.of(
                // The VNI is 24 bits after UDP's 8 bytes and 4 bytes of VXLAN (RFC 7348 section 5).
                new NftRules.Rule(
                        PREROUTING.name(),
                        outer + " @th,96,24 " + vni + " " + source(peer) + " != " + text(peer) + " counter drop"),
                // The other family has no peer at all.
                new NftRules.Rule(
                        PREROUTING.name(),
                        "meta nfproto " + otherFamily(peer) + " " + outer + " @th,96,24 " + vni + " counter drop"),
                new NftRules.Rule(PREROUTING.name(), source(peer) + " " + text(peer) + " " + outer + " notrack"),
                new NftRules.Rule(OUTPUT.name(), destination(peer) + " " + text(peer) + " " + outer + " notrack"));
    }

    static String source(InetAddress address) {
        return family(address) + " saddr";
    }

    static String destination(InetAddress address) {
        return family(address) + " daddr";
    }

    static String text(InetAddress address) {
        return IpAddresses.text(address);
    }

    private static String family(InetAddress address) {
        return IpAddresses.isIpv4(address) ? "ip" : "ip6";
    }

    private static String otherFamily(InetAddress address) {
        return IpAddresses.isIpv4(address) ? "ipv6" : "ipv4";
    }
}
