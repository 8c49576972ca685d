package io.peerpods.cloud;

import java.nio.file.Path;

/**
 * Whose VMs a provider launches, finds and deletes.
 *
 * @param clusterId the cluster, unique among all that share a cloud account
 * @param node the worker in it
 * @param stateDirectory where a provider may keep files of its own, in a directory of its name
 * @param externalNetwork whether pods get a secondary interface
 * @param agentPort the TCP port where podvm-agent listens, for the preflight check
 * @param tunnelPort the UDP port of the tunnel, the same on both sides; 0 when there is no tunnel
 * @param machine the machine that the worker is, so that two of the same cluster and node do not delete each other's VMs; empty when
 *     it cannot be told
 */
public record Worker(
        String clusterId,
        String node,
        Path stateDirectory,
        boolean externalNetwork,
        int agentPort,
        int tunnelPort,
        String machine) {

    /** A worker on a machine that cannot be told. */
    public Worker(
            String clusterId,
            String node,
            Path stateDirectory,
            boolean externalNetwork,
            int agentPort,
            int tunnelPort) {
        this(clusterId, node, stateDirectory, externalNetwork, agentPort, tunnelPort, "");
    }

    /** As before, with the usual ports. */
    public Worker(String clusterId, String node, Path stateDirectory, boolean externalNetwork) {
        this(clusterId, node, stateDirectory, externalNetwork, 15150, 4789);
    }
}
