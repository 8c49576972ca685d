package io.peerpods.linux.netlink;

import io.peerpods.linux.IpPrefix;
import org.jspecify.annotations.Nullable;

/**
 * A policy routing rule.
 *
 * @param ipv6 family
 * @param priority lower is earlier
 * @param from null for any source
 * @param to null for any destination
 * @param action FR_ACT_*: 1 is "look the table up"
 * @param inputLink name of the link a packet came by, empty for any
 * @param mark packet mark asked for, 0 for any
 */
public record Rule(
        boolean ipv6,
        int priority,
        @Nullable IpPrefix from,
        @Nullable IpPrefix to,
        int table,
        int action,
        String inputLink,
        int mark) {

    public static final int LOOK_UP = 1;

    /** Packets from and to these look the table up. */
    public static Rule lookUp(boolean ipv6, int priority, @Nullable IpPrefix from, @Nullable IpPrefix to, int table) {
        return new Rule(ipv6, priority, from, to, table, LOOK_UP, "", 0);
    }
}
