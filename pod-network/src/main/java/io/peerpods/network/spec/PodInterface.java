package io.peerpods.network.spec;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import java.util.List;

/**
 * The pod's interface as its CNI made it on the worker; in the VM the tunnel wears the same name and addresses.
 *
 * @param addresses with their prefix lengths, the pod's own address (status.podIP) first
 */
public record PodInterface(String name, MacAddress mac, int mtu, List<IpPrefix> addresses) {
    public PodInterface {
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("pod interface " + name + " has no address");
        }
        if (mtu < 68 || mtu > 65535) {
            throw new IllegalArgumentException("pod interface " + name + " has MTU " + mtu);
        }
    }
}
