package io.peerpods.cloud;

import java.nio.file.Path;

/**
 * Whose VMs a provider launches, finds and deletes.
 *
 * @param clusterId the cluster, unique among all that share a cloud account
 * @param node the worker in it
 * @param stateDirectory where a provider may keep files of its own, in a directory of its name
 * @param externalNetwork whether pods get a secondary interface
 */
public record Worker(String clusterId, String node, Path stateDirectory, boolean externalNetwork) {}
