package io.peerpods.linux.netlink;

/**
 * A queueing discipline.
 *
 * @param link index of the link
 * @param kind {@code noqueue}, {@code clsact}, {@code ingress}, ...
 */
public record Qdisc(int link, String kind, int handle, int parent) {

    /** Whether it is the place for filters on what arrives: {@code clsact} or its elder, {@code ingress}. */
    public boolean isIngress() {
        return kind.equals("clsact") || kind.equals("ingress");
    }
}
