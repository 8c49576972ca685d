package io.peerpods.network.spec;

import io.peerpods.linux.MacAddress;
import java.net.InetAddress;

/**
 * A neighbour entry of the pod.
 *
 * @param state as {@code ip neigh} names it; a worker sends permanent ones
 */
public record PodNeighbour(InetAddress ip, MacAddress mac, String dev, String state) {}
