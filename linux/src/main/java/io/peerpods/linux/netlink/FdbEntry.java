package io.peerpods.linux.netlink;

import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * An entry of the forwarding database of a bridge or vxlan.
 *
 * @param link index of the link
 * @param destination the vxlan's peer, null for an entry without one
 * @param port the peer's UDP port, 0 for the vxlan's own
 * @param state NUD_* bits; {@link Neighbour#PERMANENT} for one that was set, not learned
 */
public record FdbEntry(int link, MacAddress mac, @Nullable InetAddress destination, int port, int state) {}
