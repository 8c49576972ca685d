package io.peerpods.linux.netlink;

import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * An entry of the neighbour table.
 *
 * @param link index of the link
 * @param mac null while it is not resolved
 * @param state NUD_* bits (linux/neighbour.h)
 */
public record Neighbour(int link, InetAddress ip, @Nullable MacAddress mac, int state) {

    public static final int REACHABLE = 0x02;
    public static final int STALE = 0x04;
    public static final int NOARP = 0x40;
    public static final int PERMANENT = 0x80;

    public boolean isPermanent() {
        return (state & PERMANENT) != 0;
    }
}
