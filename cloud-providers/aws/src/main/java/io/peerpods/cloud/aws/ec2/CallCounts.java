package io.peerpods.cloud.aws.ec2;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** How many calls of each kind were sent, and how many of those EC2 throttled. Thread-safe. */
public final class CallCounts {

    private final Map<String, LongAdder> sent = new ConcurrentHashMap<>();
    private final Map<String, LongAdder> throttled = new ConcurrentHashMap<>();

    void sent(String action) {
        sent.computeIfAbsent(action, key -> new LongAdder()).increment();
    }

    void throttled(String action) {
        throttled.computeIfAbsent(action, key -> new LongAdder()).increment();
    }

    /** Calls by action, throttled ones included. */
    public Map<String, Long> sent() {
        return sums(sent);
    }

    /** Throttled calls by action. */
    public Map<String, Long> throttled() {
        return sums(throttled);
    }

    private static Map<String, Long> sums(Map<String, LongAdder> counts) {
        Map<String, Long> sums = new TreeMap<>();
        counts.forEach((action, count) -> sums.put(action, count.sum()));
        return sums;
    }
}
