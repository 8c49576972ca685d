package io.peerpods.linux.netlink;

import java.util.Locale;

/** How far a route's destination is (linux/rtnetlink.h, RT_SCOPE_*). */
public enum RouteScope {
    /** Beyond a gateway. */
    UNIVERSE(0),
    SITE(200),
    /** On the link. */
    LINK(253),
    HOST(254),
    NOWHERE(255);

    private final int number;

    RouteScope(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }

    /** The scope of that number; user-defined ones count as {@link #SITE}. */
    static RouteScope of(int number) {
        for (RouteScope scope : values()) {
            if (scope.number == number) {
                return scope;
            }
        }
        return SITE;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
