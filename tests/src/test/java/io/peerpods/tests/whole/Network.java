package io.peerpods.tests.whole;

import io.peerpods.tests.lab.Place;
import java.util.ArrayList;
import java.util.List;

/** Everything of a namespace's network that a plan can change, as text. */
final class Network {

    private Network() {}

    static List<String> of(Place place) {
        List<String> all = new ArrayList<>();
        add(all, place, "ip", "-o", "link", "show");
        add(all, place, "ip", "-o", "-4", "addr", "show");
        add(all, place, "ip", "route", "show", "table", "all");
        add(all, place, "ip", "rule", "show");
        add(all, place, "ip", "neigh", "show", "nud", "permanent");
        add(all, place, "tc", "qdisc", "show");
        add(all, place, "nft", "list", "ruleset");
        return all;
    }

    private static void add(List<String> all, Place place, String... command) {
        // Interface numbers are given anew when a link comes back; IPv6 makes link-local addresses in its own time.
        place.require(command)
                .lines()
                .filter(line -> !line.contains("fe80::") && !line.contains("ff00::"))
                // ip's own complaint about a namespace that it has no name for.
                .filter(line -> !line.startsWith("Error:"))
                .map(line -> line.replaceFirst("^\\d+: ", "")
                        .replaceAll("@if\\d+| link-netns \\S+| link-netnsid \\d+", "")
                        .strip())
                .sorted()
                .forEach(all::add);
    }
}
