package io.peerpods.tests.lab;

import java.util.List;

/** The kernel's counters of a namespace, {@code /proc/net/snmp}. */
public final class Snmp {

    private Snmp() {}

    /** A counter of the IP layer, such as {@code FragCreates}. */
    public static long of(Place place, String counter) {
        // A process's own view: /proc/net follows the namespace of the reader.
        List<String> lines = place.require("cat", "/proc/self/net/snmp")
                .lines()
                .filter(line -> line.startsWith("Ip: "))
                .toList();
        List<String> names = List.of(lines.get(0).split(" ", -1));
        List<String> values = List.of(lines.get(1).split(" ", -1));
        return Long.parseLong(values.get(names.indexOf(counter)));
    }
}
