package io.peerpods.linux.netlink;

/**
 * A filter on what arrives at a link.
 *
 * @param link index of the link
 * @param protocol ethernet protocol, 3 for all
 * @param kind {@code u32}, {@code bpf}, ...
 * @param redirectTo index of the link that mirred sends frames to, 0 when it does not
 * @param cookie hexadecimal mark of the action, empty for none
 * @param classId what a u32 filter classifies frames as, 0 for none
 */
public record Filter(
        int link, int priority, int protocol, int handle, String kind, int redirectTo, String cookie, int classId) {}
