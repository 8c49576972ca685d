package io.peerpods.vpc.model;

import io.peerpods.linux.IpAddresses;
import java.net.InetAddress;

/** Addresses of the VPC's services, the same in each subnet, as on EC2. */
public final class VpcAddresses {

    /** The metadata service. */
    public static final InetAddress METADATA = IpAddresses.parse("169.254.169.254");

    /** The name server. */
    public static final InetAddress DNS = IpAddresses.parse("169.254.169.253");

    private VpcAddresses() {}
}
