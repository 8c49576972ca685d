package io.peerpods.vpc.model;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A worker of the cluster in the VPC: a namespace of the VPC's own, or one of this machine that was cabled to the VPC.
 *
 * @param namespace its network namespace; empty for the one that the VPC's creator runs in
 * @param link its NIC in the VPC
 * @param address with the length of the subnet
 * @param podCidr the addresses of its cluster pods; its bridge {@code cni0} has the first one. Null: it has no cluster pods here
 */
public record WorkerNode(
        String name,
        int index,
        Path namespace,
        String link,
        MacAddress mac,
        IpPrefix address,
        int subnet,
        @Nullable IpPrefix podCidr) {

    public InetAddress ip() {
        return address.address();
    }

    /** Whether the namespace was there before the VPC and stays after it. */
    public boolean isAttached() {
        return namespace.toString().isEmpty();
    }

    /** The other end of its cable, in the VPC's namespace. */
    public String port() {
        return "w" + index;
    }
}
