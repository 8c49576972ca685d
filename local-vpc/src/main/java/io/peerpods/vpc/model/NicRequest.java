package io.peerpods.vpc.model;

import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A NIC that a pod VM should have.
 *
 * @param subnet the place of its subnet in {@link VpcSpec#subnets}
 * @param address its address, or null for a free one
 * @param mac its MAC, or null for one that looks like EC2's
 * @param arrival how long after the boot it is attached; {@link #NEVER}: it is not
 */
public record NicRequest(
        int subnet, @Nullable InetAddress address, @Nullable MacAddress mac, Duration arrival) {

    /** The arrival of a NIC that never comes. */
    public static final Duration NEVER = Duration.ofSeconds(Long.MAX_VALUE / 2);

    /** One with address and MAC chosen by the VPC, there from the start. */
    public static NicRequest in(int subnet) {
        return new NicRequest(subnet, null, null, Duration.ZERO);
    }

    public static NicRequest of(int subnet, InetAddress address, MacAddress mac) {
        return new NicRequest(subnet, address, mac, Duration.ZERO);
    }

    public NicRequest arriving(Duration after) {
        return new NicRequest(subnet, address, mac, after);
    }
}
