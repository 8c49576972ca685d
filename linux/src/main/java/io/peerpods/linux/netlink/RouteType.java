package io.peerpods.linux.netlink;

import java.util.Locale;

/** What a route does with packets (linux/rtnetlink.h, RTN_*). */
public enum RouteType {
    UNICAST(1),
    LOCAL(2),
    BROADCAST(3),
    ANYCAST(4),
    MULTICAST(5),
    /** Drops silently. */
    BLACKHOLE(6),
    /** Refuses: "no route to host". */
    UNREACHABLE(7),
    /** Refuses: "administratively prohibited". */
    PROHIBIT(8),
    THROW(9),
    NAT(10),
    XRESOLVE(11);

    private final int number;

    RouteType(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }

    static RouteType of(int number) {
        for (RouteType type : values()) {
            if (type.number == number) {
                return type;
            }
        }
        throw new IllegalArgumentException("route type " + number);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
