package io.peerpods.adaptor;

import io.peerpods.adaptor.service.HttpEndpoint;
import io.peerpods.adaptor.service.MetricsPage;
import io.peerpods.adaptor.service.Probes;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The pages of metrics and probes. Thread-safe. */
final class Pages implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Pages.class);

    private final AdaptorConfig config;
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final MetricsPage metrics = new MetricsPage(registry);
    private final Map<String, HttpEndpoint.Page> probes;
    private final Map<String, HttpEndpoint> open = new TreeMap<>();

    /** @param notReady why Kata is not served; empty when it is */
    Pages(AdaptorConfig config, Supplier<String> notReady, Supplier<String> warning) {
        this.config = config;
        this.probes = Probes.pages(config.socket(), notReady, warning);
    }

    PrometheusRegistry registry() {
        return registry;
    }

    /** Opens what is not open; a port that another adaptor on this machine still has is left to {@link #require}. */
    synchronized void attempt() {
        try {
            require();
        } catch (IOException e) {
            log.debug("not yet: {}", e.getMessage());
        }
    }

    /** Opens what is not open. */
    synchronized void require() throws IOException {
        if (config.probes().isPresent()) {
            open(AdaptorSettings.PROBE_PORT.names(), config.probes().get(), probes, "probes");
        }
        if (config.metrics().isPresent()) {
            open(
                    AdaptorSettings.METRICS_LISTEN.names(),
                    config.metrics().get(),
                    Map.of("/metrics", metrics::get),
                    "metrics");
        }
    }

    private void open(String setting, InetSocketAddress where, Map<String, HttpEndpoint.Page> pages, String what)
            throws IOException {
        if (open.containsKey(what)) {
            return;
        }
        try {
            HttpEndpoint endpoint = HttpEndpoint.listen(where, pages);
            open.put(what, endpoint);
            log.info(
                    "{} on http://{}:{}",
                    what,
                    endpoint.address().getAddress().getHostAddress(),
                    endpoint.address().getPort());
        } catch (IOException e) {
            throw new IOException(setting + ": " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void close() {
        open.values().forEach(HttpEndpoint::close);
        open.clear();
    }
}
