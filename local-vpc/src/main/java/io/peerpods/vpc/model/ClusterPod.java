package io.peerpods.vpc.model;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.nio.file.Path;

/**
 * An ordinary pod of the cluster, as the bridge CNI plugin makes one: {@code eth0} on its worker's {@code cni0}.
 *
 * @param index a small number that no other pod of the VPC has at the same time
 * @param namespace its network namespace
 * @param address with the length of the worker's pod network
 * @param mtu of its eth0
 */
public record ClusterPod(
        String name, int index, String worker, Path namespace, IpPrefix address, MacAddress mac, int mtu) {

    public InetAddress ip() {
        return address.address();
    }

    /** Its end of the cable on the worker. */
    public String hostLink() {
        return "veth" + index;
    }
}
