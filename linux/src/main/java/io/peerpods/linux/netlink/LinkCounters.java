package io.peerpods.linux.netlink;

/** What a link has carried since it was made (linux/if_link.h, struct rtnl_link_stats64). */
public record LinkCounters(
        long rxPackets,
        long txPackets,
        long rxBytes,
        long txBytes,
        long rxErrors,
        long txErrors,
        long rxDropped,
        long txDropped) {

    /** Nothing yet. */
    public static final LinkCounters ZERO = new LinkCounters(0, 0, 0, 0, 0, 0, 0, 0);
}
