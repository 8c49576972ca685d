package io.peerpods.cloud.aws.capacity;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/**
 * What had no capacity lately: a type in a zone for a capacity type, or a subnet without free addresses. It is not
 * asked for again for three minutes, by any launch. Thread-safe.
 */
public final class CapacityMemory {

    /** How long a place without capacity is left alone. */
    public static final Duration LASTS = Duration.ofMinutes(3);

    private final LongSupplier nanos;
    private final Map<String, Entry> entries = new ConcurrentHashMap<>();

    private record Entry(long since, String reason) {}

    /** @param nanos a clock such as {@link System#nanoTime} */
    public CapacityMemory(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** The type had no capacity in the candidate's zone. */
    public void noInstances(Candidate candidate, String reason) {
        entries.put(instances(candidate), new Entry(nanos.getAsLong(), reason));
    }

    /** A subnet had no free address. */
    public void noAddresses(String subnetId, String reason) {
        entries.put(subnetId, new Entry(nanos.getAsLong(), reason));
    }

    /** Why a candidate is not worth a call now, or empty when it is. */
    public Optional<String> blocked(Candidate candidate) {
        return fresh(instances(candidate))
                .or(() -> fresh(candidate.placement().primary().id()))
                .or(() -> fresh(candidate.placement().secondary().id()));
    }

    private Optional<String> fresh(String key) {
        Entry entry = entries.get(key);
        if (entry == null) {
            return Optional.empty();
        }
        if (nanos.getAsLong() - entry.since() >= LASTS.toNanos()) {
            entries.remove(key, entry);
            return Optional.empty();
        }
        return Optional.of(entry.reason());
    }

    private static String instances(Candidate candidate) {
        return candidate.type().name() + " " + candidate.placement().primary().zone() + " "
                + candidate.capacity().word();
    }
}
