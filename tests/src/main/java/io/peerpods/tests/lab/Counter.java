package io.peerpods.tests.lab;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Counts packets at one point of their way, in an nftables table of its own. Closing it removes the table. */
public final class Counter implements AutoCloseable {

    /** Ahead of connection tracking and of every rule that could drop the packet. */
    private static final int FIRST = -450;

    private static final Pattern PACKETS = Pattern.compile("packets (\\d+)");
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final Place place;
    private final String table;

    private Counter(Place place, String table) {
        this.place = place;
        this.table = table;
    }

    /**
     * @param hook {@code prerouting}, {@code input}, {@code forward}, {@code output} or {@code postrouting}
     * @param match in nft's language
     */
    static Counter in(Place place, String hook, String match) {
        return in(place, hook, FIRST, match);
    }

    /** The same at another priority: after a guard, say. */
    static Counter in(Place place, String hook, int priority, String match) {
        String table = "lab_" + ProcessHandle.current().pid() + "_" + COUNT.incrementAndGet();
        place.nft("""
                table inet %s {
                  counter seen { }
                  chain at { type filter hook %s priority %d; policy accept;
                    %s counter name seen
                  }
                }
                """.formatted(table, hook, priority, match));
        return new Counter(place, table);
    }

    public long packets() {
        String listed = place.require("nft", "list", "counter", "inet", table, "seen");
        Matcher matcher = PACKETS.matcher(listed);
        if (!matcher.find()) {
            throw new IllegalStateException("no count in: " + listed);
        }
        return Long.parseLong(matcher.group(1));
    }

    @Override
    public void close() {
        // The namespace may have gone with its VM, and the table with it.
        place.run("nft", "delete", "table", "inet", table);
    }
}
