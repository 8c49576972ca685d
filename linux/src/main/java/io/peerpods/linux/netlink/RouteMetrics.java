package io.peerpods.linux.netlink;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The metrics of a route (RTAX_*, linux/rtnetlink.h): its MTU, the segment size that TCP announces, windows, time-outs. Values are the
 * kernel's: bytes, segments, or milliseconds and their fractions. The congestion control algorithm, whose value is a name of a module,
 * is not among them.
 *
 * @param values by the kernel's number; none is 0
 */
public record RouteMetrics(SortedMap<Integer, Integer> values) {

    public static final RouteMetrics NONE = new RouteMetrics(new TreeMap<>());

    /** A set of the numbers of those that path MTU discovery and TCP may not change. */
    public static final int LOCK = 1;

    public static final int MTU = 2;
    public static final int ADVMSS = 8;
    private static final int FEATURES = 12;
    private static final int ECN = 1;

    /** The names that {@code ip route} gives the numbers 1 to 15. */
    private static final String[] NAMES = {
        "lock",
        "mtu",
        "window",
        "rtt",
        "rttvar",
        "ssthresh",
        "cwnd",
        "advmss",
        "reordering",
        "hoplimit",
        "initcwnd",
        "features",
        "rto_min",
        "initrwnd",
        "quickack"
    };

    public RouteMetrics {
        SortedMap<Integer, Integer> kept = new TreeMap<>();
        values.forEach((number, value) -> {
            if (number < LOCK || number > NAMES.length) {
                throw new IllegalArgumentException("route metric " + number + " is not known");
            }
            if (value != 0) {
                kept.put(number, value);
            }
        });
        values = Collections.unmodifiableSortedMap(kept);
    }

    static RouteMetrics read(Attributes attributes) {
        SortedMap<Integer, Integer> values = new TreeMap<>();
        for (int number = LOCK; number <= NAMES.length; number++) {
            int value = attributes.u32(number);
            // The kernel keeps marks of its own in the features and refuses to be given them.
            values.put(number, number == FEATURES ? value & ECN : value);
        }
        return new RouteMetrics(values);
    }

    public static RouteMetrics ofMtu(int bytes) {
        return NONE.with(MTU, bytes);
    }

    public boolean isEmpty() {
        return values.isEmpty();
    }

    /** The value; 0 when there is none. */
    public int get(int number) {
        return values.getOrDefault(number, 0);
    }

    /** 0 for the link's. */
    public int mtu() {
        return get(MTU);
    }

    /** The same with another value; 0 removes it. */
    public RouteMetrics with(int number, int value) {
        SortedMap<Integer, Integer> changed = new TreeMap<>(values);
        changed.put(number, value);
        return new RouteMetrics(changed);
    }

    /** What {@code ip route} calls the metric. */
    public static String name(int number) {
        return NAMES[number - 1];
    }

    /** The number of the metric of that name; empty when it is not known. */
    public static Optional<Integer> number(String name) {
        for (int i = 0; i < NAMES.length; i++) {
            if (NAMES[i].equals(name.toLowerCase(Locale.ROOT))) {
                return Optional.of(i + 1);
            }
        }
        return Optional.empty();
    }

    /** By name, in the order of the numbers. */
    public Map<String, Integer> byName() {
        Map<String, Integer> names = new java.util.LinkedHashMap<>();
        values.forEach((number, value) -> names.put(name(number), value));
        return names;
    }
}
