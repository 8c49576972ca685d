package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.SandboxState;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** What is counted of sandboxes. Thread-safe. */
public final class SandboxMetrics {

    private static final double[] CREATE_BOUNDS = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1};
    private static final double[] START_BOUNDS = {0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600};

    private final PrometheusRegistry registry;
    private final Histogram create;
    private final Histogram start;
    private final Counter starts;
    private final Counter removalFailures;
    private final Gauge kept;
    private final Gauge withoutUnderlay;

    public SandboxMetrics(PrometheusRegistry registry) {
        this.registry = registry;
        create = Histogram.builder()
                .name("peerpods_create_vm_seconds")
                .help("Time of CreateVM calls that made a sandbox.")
                .unit(Unit.SECONDS)
                .classicOnly()
                .classicUpperBounds(CREATE_BOUNDS)
                .register(registry);
        start = Histogram.builder()
                .name("peerpods_start_vm_seconds")
                .help("Time from StartVM until the agent answered, of starts that succeeded.")
                .unit(Unit.SECONDS)
                .classicOnly()
                .classicUpperBounds(START_BOUNDS)
                .register(registry);
        starts = Counter.builder()
                .name("peerpods_starts_total")
                .help("Ended starts by result.")
                .labelNames("result")
                .register(registry);
        removalFailures = Counter.builder()
                .name("peerpods_removal_failures_total")
                .help("Failed tries to remove a tunnel or a VM; each is followed by another try.")
                .register(registry);
        kept = Gauge.builder()
                .name("peerpods_kept_vms")
                .help(
                        "Things in the cloud with this worker's tags, of no known sandbox, that are not deleted: of another machine,"
                                + " without a sandbox id, or of a pod that still runs. The log names each.")
                .register(registry);
        withoutUnderlay = Gauge.builder()
                .name("peerpods_pods_without_underlay")
                .help("Pods whose tunnel ends at an address that this worker has lost. The log names them.")
                .register(registry);
        starts.initLabelValues("ok");
        starts.initLabelValues("failed");
    }

    /** Where the sandboxes of each state are counted. */
    void states(Supplier<Map<SandboxState, Long>> counts) {
        GaugeWithCallback.builder()
                .name("peerpods_sandboxes")
                .help("Sandboxes by state.")
                .labelNames("state")
                .callback(callback -> {
                    Map<SandboxState, Long> now = new EnumMap<>(SandboxState.class);
                    now.putAll(counts.get());
                    for (SandboxState state : SandboxState.values()) {
                        callback.call(now.getOrDefault(state, 0L), state.name().toLowerCase(java.util.Locale.ROOT));
                    }
                })
                .register(registry);
    }

    /** Where is counted how often guards came back. */
    void guardRepairs(LongSupplier count) {
        CounterWithCallback.builder()
                .name("peerpods_guard_repairs_total")
                .help("How often nft rules of a sandbox had to be put back on this worker.")
                .callback(callback -> callback.call((double) count.getAsLong()))
                .register(registry);
    }

    /** Where it is known whether pods can be launched. */
    void cloudFails(BooleanSupplier fails) {
        GaugeWithCallback.builder()
                .name("peerpods_cloud_fails")
                .help("1 while something in the cloud keeps pods from being launched; the probes name it.")
                .callback(callback -> callback.call(fails.getAsBoolean() ? 1 : 0))
                .register(registry);
    }

    /** What the last comparison with the cloud left in peace. */
    void kept(int count) {
        kept.set(count);
    }

    /** How many pods have lost their tunnel's end on this worker. */
    void withoutUnderlay(int pods) {
        withoutUnderlay.set(pods);
    }

    void created(Duration took) {
        create.observe(took.toNanos() / 1e9);
    }

    void started(Duration took, boolean ok) {
        starts.labelValues(ok ? "ok" : "failed").inc();
        if (ok) {
            start.observe(took.toNanos() / 1e9);
        }
    }

    void removalFailed() {
        removalFailures.inc();
    }
}
