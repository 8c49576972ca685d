package io.peerpods.cloud;

import java.net.InetAddress;
import java.util.List;

/**
 * A launched VM.
 *
 * @param id the cloud's name of the VM, such as {@code i-0123456789abcdef0}
 * @param addresses at least one: the first is where the agent port is, and the tunnel's end unless there is a second
 *     that is set aside for the tunnel (a VM whose first address is public is reached by the tunnel at its private one)
 */
public record PodVm(String id, List<InetAddress> addresses) {

    public PodVm {
        addresses = List.copyOf(addresses);
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("VM " + id + " has no address");
        }
    }

    /** Where podvm-agent listens. */
    public InetAddress agent() {
        return addresses.getFirst();
    }

    /** The VM's end of the tunnel. */
    public InetAddress tunnel() {
        return addresses.size() > 1 ? addresses.get(1) : addresses.getFirst();
    }
}
