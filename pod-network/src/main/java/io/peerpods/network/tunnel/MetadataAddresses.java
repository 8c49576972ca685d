package io.peerpods.network.tunnel;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.nft.NftRules;
import java.net.InetAddress;
import java.util.List;

/** Where a cloud's instance metadata service answers, on every NIC of an instance. */
public final class MetadataAddresses {
    public static final List<InetAddress> ADDRESSES =
            List.of(IpAddresses.parse("169.254.169.254"), IpAddresses.parse("fd00:ec2::254"));

    private MetadataAddresses() {}

    public static boolean is(InetAddress address) {
        return ADDRESSES.contains(IpPrefix.of(address).address());
    }

    public static List<NftRules.Rule> drops(NftRules.Chain chain) {
        return ADDRESSES.stream()
                .map(address -> new NftRules.Rule(
                        chain.name(),
                        TunnelRules.destination(address) + " " + TunnelRules.text(address) + " counter drop"))
                .toList();
    }
}
