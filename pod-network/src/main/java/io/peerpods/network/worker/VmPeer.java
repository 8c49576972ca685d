package io.peerpods.network.worker;

import java.net.InetAddress;
import java.util.List;

/**
 * The VM as its worker sees it.
 *
 * @param tunnel the VM's end of the tunnel
 * @param addresses every address of the VM that the worker knows, the tunnel's among them
 * @param agentPort where podvm-agent listens
 */
public record VmPeer(InetAddress tunnel, List<InetAddress> addresses, int agentPort) {
    public VmPeer {
        addresses = List.copyOf(addresses);
        if (agentPort < 1 || agentPort > 65535) {
            throw new IllegalArgumentException("agent port " + agentPort + " is not 1 to 65535");
        }
    }

    /** A VM with one address. */
    public static VmPeer of(InetAddress address, int agentPort) {
        return new VmPeer(address, List.of(address), agentPort);
    }
}
