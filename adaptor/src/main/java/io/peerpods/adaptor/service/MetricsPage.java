package io.peerpods.adaptor.service;

import io.peerpods.adaptor.service.HttpEndpoint.Answer;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.charset.StandardCharsets;

/** The registry in Prometheus' text format, with a little of the process itself. */
public final class MetricsPage {

    private final PrometheusRegistry registry;
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();

    public MetricsPage(PrometheusRegistry registry) {
        this.registry = registry;
        GaugeWithCallback.builder()
                .name("process_uptime_seconds")
                .help("Time since the adaptor was started.")
                .callback(callback ->
                        callback.call(ManagementFactory.getRuntimeMXBean().getUptime() / 1e3))
                .register(registry);
        GaugeWithCallback.builder()
                .name("jvm_heap_used_bytes")
                .help("Heap in use.")
                .callback(callback -> {
                    MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
                    callback.call((double) heap.getUsed());
                })
                .register(registry);
    }

    /** The page. */
    public Answer get() throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream(4096);
        writer.write(text, registry.scrape());
        return new Answer(200, writer.getContentType(), text.toString(StandardCharsets.UTF_8));
    }
}
