package io.peerpods.adaptor;

import io.grpc.ServerServiceDefinition;
import io.peerpods.adaptor.sandbox.PodVolumes;
import io.peerpods.adaptor.sandbox.SandboxMetrics;
import io.peerpods.adaptor.sandbox.Sandboxes;
import io.peerpods.adaptor.sandbox.WorkerTunnels;
import io.peerpods.adaptor.service.GrpcEndpoint;
import io.peerpods.adaptor.service.HttpEndpoint;
import io.peerpods.adaptor.service.MetricsPage;
import io.peerpods.adaptor.service.Probes;
import io.peerpods.adaptor.service.Services;
import io.peerpods.adaptor.service.UnixSocketFile;
import io.peerpods.adaptor.store.Store;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.DirectVolumes;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Worker;
import io.peerpods.config.WorkerTls;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.daemon.Settings;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.ForeignVxlan;
import io.peerpods.network.WorkerUnderlay;
import io.peerpods.ttrpc.TtrpcServer;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running daemon. {@link #start} opens side by side what takes long (SQLite, keys, the native interface, the provider), takes up the
 * stored sandboxes, and serves; {@link #close} ends everything in reverse order and deletes no VM.
 */
final class Adaptor implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Adaptor.class);
    private static final Duration DRAIN = Duration.ofSeconds(2);

    private interface Ending {
        void end() throws Exception;
    }

    private final AdaptorConfig config;
    private final Deque<Ending> endings = new ArrayDeque<>();
    private volatile boolean serving;

    private Adaptor(AdaptorConfig config) {
        this.config = config;
    }

    /**
     * Starts and serves.
     *
     * @throws Exception when it cannot; nothing of it is left then. The message is for the operator
     */
    static Adaptor start(
            AdaptorConfig config, CloudProviderType type, Settings settings, CrashPoint crash, String version)
            throws Exception {
        Adaptor adaptor = new Adaptor(config);
        try {
            adaptor.open(type, settings, crash, version);
            return adaptor;
        } catch (Exception | Error e) {
            adaptor.close();
            throw e;
        }
    }

    private void open(CloudProviderType type, Settings settings, CrashPoint crash, String version) throws Exception {
        Path state = config.stateDirectory();
        makeStateDirectory(state);
        closeLater(InstanceLock.take(state.resolve("lock"), "the state directory " + state));
        UnixSocketFile.prepare(config.socket());
        Path socketLock = config.socket().resolveSibling(config.socket().getFileName() + ".lock");
        closeLater(InstanceLock.take(socketLock, "the socket " + config.socket()));

        FutureTask<Store> opening = Tasks.begin("store", () -> Store.open(state, crash::step));
        FutureTask<WorkerTls> keys = Tasks.begin("keys", this::openTls);
        FutureTask<Executor> kernel = Tasks.begin("kernel", () -> openKernel(crash));
        FutureTask<PrometheusRegistry> pages = Tasks.begin("pages", this::openPages);

        Store store = Tasks.result(opening);
        closeLater(store);
        CloudProvider cloud = openCloud(type, settings, store);
        closeLater(cloud);
        Executor executor = Tasks.result(kernel);
        // The provider may have made the interface that is named here.
        if (!config.tunnels().hostInterface().isEmpty()) {
            WorkerUnderlay.find(config.tunnels().hostInterface(), NetnsRef.OWN);
        }
        checkCloud(cloud);
        checkGrpc();
        Sandboxes sandboxes = Sandboxes.open(
                config.sandboxes(),
                store,
                cloud,
                WorkerTunnels.open(state, executor, config.tunnels(), cloud::workerAddress),
                Tasks.result(keys),
                new PodVolumes(new DirectVolumes(DirectVolumes.DIRECTORY), PodUidLookup.of(config.api())),
                new SandboxMetrics(Tasks.result(pages)),
                crash::step);
        closeLater(sandboxes);
        serve(Services.of(sandboxes, version));
        // Ends first: calls are still served while the starts in flight are answered.
        endLater(sandboxes::endStarts);
        sandboxes.begin();
    }

    private void closeLater(AutoCloseable thing) {
        endLater(thing::close);
    }

    private void endLater(Ending ending) {
        synchronized (endings) {
            endings.push(ending);
        }
    }

    private static void makeStateDirectory(Path state) throws IOException {
        try {
            Path parent = state.getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            if (!Files.isDirectory(state)) {
                Files.createDirectory(
                        state, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            Files.setPosixFilePermissions(state, PosixFilePermissions.fromString("rwx------"));
        } catch (IOException e) {
            throw new IOException(AdaptorSettings.STATE_DIR.names() + ": \"" + state + "\" cannot be made: " + e, e);
        }
    }

    private WorkerTls openTls() throws Exception {
        return config.tlsDisabled()
                ? WorkerTls.disabled()
                : WorkerTls.open(
                        config.stateDirectory().resolve("keys"),
                        config.tlsFiles(),
                        config.tlsSkipVerify(),
                        config.tls());
    }

    private Executor openKernel(CrashPoint crash) throws BadSettingException {
        try {
            Rtnl.warmUp();
            Optional<String> conflict = ForeignVxlan.conflict(
                    config.sandboxes().vxlanPort(), config.sandboxes().vxlanMinId(), NetnsRef.OWN);
            if (conflict.isPresent()) {
                throw new BadSettingException(conflict.get());
            }
            return new Executor(crash::step);
        } catch (LinuxException e) {
            throw new BadSettingException("the kernel's network cannot be read: " + e.getMessage());
        }
    }

    private PrometheusRegistry openPages() throws IOException {
        PrometheusRegistry registry = new PrometheusRegistry();
        if (config.metrics().isPresent()) {
            MetricsPage page = new MetricsPage(registry);
            open(
                    AdaptorSettings.METRICS_LISTEN.names(),
                    config.metrics().get(),
                    java.util.Map.of("/metrics", page::get),
                    "metrics");
        }
        if (config.probes().isPresent()) {
            open(
                    AdaptorSettings.PROBE_PORT.names(),
                    config.probes().get(),
                    Probes.pages(config.socket(), () -> serving),
                    "probes");
        }
        return registry;
    }

    private void open(
            String setting, InetSocketAddress where, java.util.Map<String, HttpEndpoint.Page> pages, String what)
            throws IOException {
        try {
            HttpEndpoint endpoint = HttpEndpoint.listen(where, pages);
            closeLater(endpoint);
            log.info(
                    "{} on http://{}:{}",
                    what,
                    endpoint.address().getAddress().getHostAddress(),
                    endpoint.address().getPort());
        } catch (IOException e) {
            throw new IOException(setting + ": " + e.getMessage(), e);
        }
    }

    private CloudProvider openCloud(CloudProviderType type, Settings settings, Store store) throws Exception {
        Worker worker = new Worker(
                ClusterId.of(config, store),
                config.node(),
                config.stateDirectory(),
                config.sandboxes().externalNetwork(),
                config.sandboxes().agentPort(),
                config.sandboxes().vxlanPort());
        log.info("provider {} for worker {} of cluster {}", type.name(), worker.node(), worker.clusterId());
        return type.open(settings, worker);
    }

    private void checkCloud(CloudProvider cloud) throws Exception {
        if (!config.verify()) {
            return;
        }
        List<Finding> findings = cloud.check();
        findings.stream()
                .filter(finding -> finding.level() != Finding.Level.OK)
                .forEach(finding -> log.warn("{} {}: {}", finding.level(), finding.what(), finding.detail()));
        Optional<Finding> error = findings.stream()
                .filter(finding -> finding.level() == Finding.Level.ERROR)
                .findFirst();
        if (error.isPresent()) {
            throw new BadSettingException(AdaptorSettings.CLOUD_CONFIG_VERIFY.names() + ": "
                    + error.get().what() + ": " + error.get().detail());
        }
    }

    /** gRPC itself takes long to load and starts after the first socket; what would stop it is found before. */
    private void checkGrpc() throws IOException {
        try {
            switch (config.grpc().orElse(null)) {
                case UnixDomainSocketAddress unix -> UnixSocketFile.prepare(unix.getPath());
                case InetSocketAddress tcp -> {
                    try (ServerSocket probe = new ServerSocket()) {
                        probe.setReuseAddress(true);
                        probe.bind(tcp);
                    }
                }
                case null, default -> {}
            }
        } catch (IOException e) {
            throw new IOException(AdaptorSettings.GRPC_LISTEN.names() + ": " + e.getMessage(), e);
        }
    }

    private void serve(List<ServerServiceDefinition> services) throws IOException {
        // Version waits for nothing; the rest may, for minutes.
        TtrpcServer.Builder builder =
                TtrpcServer.builder().direct(method -> "Version".equals(method.getBareMethodName()));
        services.forEach(builder::addService);
        TtrpcServer server = builder.listen(UnixDomainSocketAddress.of(config.socket()));
        endLater(() -> {
            server.shutdown();
            server.awaitTermination(DRAIN);
            server.close();
        });
        serving = true;
        log.info("serving Kata on {}", config.socket());
        if (config.grpc().isPresent()) {
            serveGrpc(config.grpc().get(), services);
        }
    }

    private void serveGrpc(SocketAddress where, List<ServerServiceDefinition> services) throws IOException {
        GrpcEndpoint grpc = GrpcEndpoint.listen(where, config.grpcTls(), services);
        closeLater(grpc);
        log.info("serving gRPC on {}", grpc.address());
    }

    /** Ends everything; what fails to end does not keep the rest. */
    @Override
    public void close() {
        serving = false;
        while (true) {
            Ending ending;
            synchronized (endings) {
                ending = endings.poll();
            }
            if (ending == null) {
                return;
            }
            try {
                ending.end();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (Exception | Error e) {
                log.warn("not everything ended well: {}", e.toString(), e);
            }
        }
    }
}
