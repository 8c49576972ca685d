package io.peerpods.vpc.model;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.time.Duration;

/**
 * A NIC of a pod VM.
 *
 * @param name its name in the VM at boot: {@code ens5} and on
 * @param device its device number in the metadata service: 0 for the primary one
 * @param address with the length of its subnet
 * @param port the other end of the cable, in the VPC's namespace
 * @param arrival how long after the boot it is attached
 * @param attached whether the metadata service and the fabric know it
 */
public record Nic(
        String name,
        int device,
        int subnet,
        MacAddress mac,
        IpPrefix address,
        InetAddress gateway,
        String port,
        Duration arrival,
        boolean attached) {

    /** The address alone. */
    public InetAddress ip() {
        return address.address();
    }

    Nic asAttached() {
        return new Nic(name, device, subnet, mac, address, gateway, port, arrival, true);
    }
}
