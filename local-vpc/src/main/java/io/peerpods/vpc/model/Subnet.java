package io.peerpods.vpc.model;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import java.math.BigInteger;
import java.net.InetAddress;

/**
 * A subnet of the simulated VPC.
 *
 * @param cidr its network
 * @param gateway the router's address in it
 */
public record Subnet(IpPrefix cidr, InetAddress gateway) {

    public Subnet {
        if (!cidr.isIpv4() || !cidr.equals(cidr.network())) {
            throw new IllegalArgumentException("a subnet is an IPv4 network without host bits, not " + cidr);
        }
        if (cidr.length() > 28) {
            throw new IllegalArgumentException("a subnet is at least a /28, as in EC2, not " + cidr);
        }
        if (!cidr.contains(gateway)) {
            throw new IllegalArgumentException("gateway " + IpAddresses.text(gateway) + " is not in " + cidr);
        }
    }

    /** With the router at its first address, as in EC2. */
    public static Subnet of(String cidr) {
        IpPrefix network = IpPrefix.of(cidr);
        return new Subnet(network, host(network, 1));
    }

    public static Subnet of(String cidr, String gateway) {
        return new Subnet(IpPrefix.of(cidr), IpAddresses.parse(gateway));
    }

    /** The address that is {@code offset} above the network's. */
    public InetAddress host(long offset) {
        return host(cidr, offset);
    }

    /** How many addresses it has, the network's own and the broadcast address included. */
    public long size() {
        return 1L << (32 - cidr.length());
    }

    /** An address of it with its length: what a NIC there carries. */
    public IpPrefix prefix(InetAddress address) {
        return new IpPrefix(address, cidr.length());
    }

    private static InetAddress host(IpPrefix network, long offset) {
        byte[] sum = new BigInteger(1, network.address().getAddress())
                .add(BigInteger.valueOf(offset))
                .toByteArray();
        byte[] bytes = new byte[4];
        for (int i = 0; i < Math.min(4, sum.length); i++) {
            bytes[3 - i] = sum[sum.length - 1 - i];
        }
        return IpAddresses.of(bytes);
    }
}
