package io.peerpods.network.tunnel;

import java.net.InetAddress;

/**
 * How outer packets leave this machine for the tunnel's peer.
 *
 * @param link the NIC
 * @param local their source address
 * @param mtu of the route
 */
public record Underlay(String link, InetAddress local, int mtu) {}
