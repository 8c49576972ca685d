package io.peerpods.network.vm;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.util.List;

/**
 * The VM's second NIC, the pod's own way to the rest of the world.
 *
 * @param name what it is called where it is now
 * @param inPod whether it is in the pod's namespace already, from an earlier run
 * @param addresses at least one, with the prefix length of its subnet
 */
public record ExternalNic(MacAddress mac, String name, boolean inPod, List<IpPrefix> addresses, InetAddress gateway) {
    public ExternalNic {
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("second NIC " + name + " (" + mac + ") has no address");
        }
    }
}
