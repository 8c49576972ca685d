package io.peerpods.linux.netlink;

import io.peerpods.linux.IpPrefix;

/**
 * An address of a link.
 *
 * @param index of the link
 * @param scope {@link RouteScope#UNIVERSE} for an ordinary one, {@link RouteScope#LINK} for IPv6 fe80::/10
 * @param permanent false for one with a lifetime (DHCP, router advertisement)
 * @param connectedRoute whether the kernel made a route to its prefix
 */
public record LinkAddress(int index, IpPrefix prefix, RouteScope scope, boolean permanent, boolean connectedRoute) {}
