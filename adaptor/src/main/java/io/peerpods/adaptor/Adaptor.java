package io.peerpods.adaptor;

import io.grpc.ServerServiceDefinition;
import io.peerpods.adaptor.sandbox.PodVolumes;
import io.peerpods.adaptor.sandbox.SandboxMetrics;
import io.peerpods.adaptor.sandbox.Sandboxes;
import io.peerpods.adaptor.sandbox.WorkerTunnels;
import io.peerpods.adaptor.service.GrpcEndpoint;
import io.peerpods.adaptor.service.Services;
import io.peerpods.adaptor.service.UnixSocketFile;
import io.peerpods.adaptor.store.Store;
import io.peerpods.adaptor.store.StoredRows;
import io.peerpods.adaptor.volumes.DirectVolumes;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.LaunchProblems;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.local.LocalType;
import io.peerpods.config.tls.WorkerTls;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.daemon.Settings;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.NamespaceLock;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.worker.ForeignVxlan;
import io.peerpods.network.worker.LeftoverTunnels;
import io.peerpods.network.worker.WorkerUnderlay;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running daemon. {@link #start} opens side by side what takes long (SQLite, keys, the native interface, the provider), takes up the
 * stored sandboxes, and serves; {@link #close} ends everything in reverse order and deletes no VM.
 */
final class Adaptor implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Adaptor.class);
    private static final Duration DRAIN = Duration.ofSeconds(2);
    private static final Duration API_PATIENCE = Duration.ofMinutes(1);
    private static final String LOCK_PREFIX = "peerpods/worker/";

    private interface CloseAction {
        void end() throws Exception;
    }

    private final AdaptorConfig config;
    private final Deque<CloseAction> closeActions = new ArrayDeque<>();
    private final Pages pages;
    private final Waiting waiting;
    private volatile @Nullable CloudProvider cloud;
    private volatile boolean serving;

    private Adaptor(AdaptorConfig config, CountDownLatch stop) {
        this.config = config;
        this.pages = new Pages(config, this::notReady, this::cloudProblems);
        this.waiting = new Waiting(stop, pages::attempt);
    }

    private String notReady() {
        return serving ? "" : waiting.reason().isEmpty() ? "starting" : waiting.reason();
    }

    private String cloudProblems() {
        CloudProvider open = cloud;
        return open == null ? "" : LaunchProblems.text(open.problems());
    }

    /**
     * Starts and serves.
     *
     * @param stop counted down by a signal, which ends a wait for another adaptor
     * @throws InterruptedException when a signal came first
     * @throws Exception when it cannot; nothing of it is left then. The message is for the operator
     */
    static Adaptor start(
            AdaptorConfig config,
            CloudProviderType type,
            Settings settings,
            CrashPoint crash,
            String version,
            CountDownLatch stop)
            throws Exception {
        Adaptor adaptor = new Adaptor(config, stop);
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
        closeLater(pages);
        lock(state.resolve("lock"), "the state directory " + state);
        UnixSocketFile.makeDirectory(config.socket());
        lock(config.socket().resolveSibling(config.socket().getFileName() + ".lock"), "the socket " + config.socket());
        UnixSocketFile.prepare(config.socket());

        FutureTask<Store> opening = Tasks.begin("store", () -> Store.open(state, crash::step));
        FutureTask<WorkerTls> keys = Tasks.begin("keys", this::openTls);
        FutureTask<Executor> kernel = Tasks.begin("kernel", () -> openKernel(crash));
        FutureTask<PrometheusRegistry> opened = Tasks.begin("pages", () -> {
            pages.attempt();
            return pages.registry();
        });

        Store store = Tasks.result(opening);
        closeLater(store);
        String clusterId = new ClusterId(config, store, waiting, API_PATIENCE).get(type instanceof LocalType);
        lockIdentity(clusterId);
        CloudProvider provider = openCloud(type, settings, clusterId);
        cloud = provider;
        closeLater(provider);
        Executor executor = Tasks.result(kernel);
        // The provider may have made the interface that is named here.
        if (!config.tunnels().hostInterface().isEmpty()) {
            WorkerUnderlay.find(config.tunnels().hostInterface(), NetnsRef.OWN);
        }
        checkCloud(provider, store);
        checkGrpc();
        WorkerTunnels tunnels = WorkerTunnels.open(state, executor, config.tunnels(), provider::workerAddress);
        closeLater(tunnels);
        Sandboxes sandboxes = Sandboxes.open(
                config.sandboxes(),
                store,
                provider,
                tunnels,
                Tasks.result(keys),
                new PodVolumes(new DirectVolumes(DirectVolumes.DIRECTORY), PodUidLookup.of(config.api())),
                new SandboxMetrics(Tasks.result(opened)),
                crash::step);
        closeLater(sandboxes);
        pages.require();
        serve(Services.of(sandboxes, version));
        // Ends first: calls are still served while the starts in flight are answered.
        onClose(sandboxes::endStarts);
        sandboxes.begin();
    }

    private void lock(Path file, String what) throws IOException, InterruptedException {
        closeLater(waiting.until(
                () -> InstanceLock.tryTake(file, what),
                () -> "another adaptor" + InstanceLock.holder(file) + " holds " + what
                        + "; this one goes on as soon as that one has ended"));
    }

    /** Two owners of one identity would delete each other's VMs, so the lock is seen by every process of this network namespace. */
    private void lockIdentity(String clusterId) throws IOException, InterruptedException {
        String name = LOCK_PREFIX + Digests.hex(clusterId + "\n" + config.node());
        closeLater(waiting.until(
                () -> NamespaceLock.tryTake(name),
                () -> "another adaptor on this machine is worker " + config.node() + " of cluster " + clusterId
                        + " (ss -xap shows its process at @" + name
                        + "); this one goes on as soon as that one has ended. If both shall run,"
                        + " give one of them another NODE_NAME (-node-name)"));
    }

    private void closeLater(AutoCloseable thing) {
        onClose(thing::close);
    }

    private void onClose(CloseAction action) {
        synchronized (closeActions) {
            closeActions.push(action);
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
            if (config.removeForeignTunnels()) {
                LeftoverTunnels.remove(NetnsRef.OWN)
                        .forEach(link -> log.warn(
                                "removed {}, which the Go cloud-api-adaptor left on this worker ({})",
                                link,
                                AdaptorSettings.REMOVE_FOREIGN_TUNNELS.names()));
            }
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

    private CloudProvider openCloud(CloudProviderType type, Settings settings, String clusterId) throws Exception {
        Worker worker = new Worker(
                clusterId,
                config.node(),
                config.stateDirectory(),
                config.sandboxes().externalNetwork(),
                config.sandboxes().agentPort(),
                config.sandboxes().vxlanPort(),
                MachineId.under(Path.of("/")).get());
        log.info("provider {} for worker {} of cluster {}", type.name(), worker.node(), worker.clusterId());
        return type.open(settings, worker);
    }

    private void checkCloud(CloudProvider cloud, Store store) throws Exception {
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
        StoredRows rows = store.rows();
        if (error.isPresent() && rows.readable().isEmpty() && rows.unreadable().isEmpty()) {
            // With pods that run the start goes on: they need their agent path, and what is being deleted must go.
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
        onClose(() -> {
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
            CloseAction action;
            synchronized (closeActions) {
                action = closeActions.poll();
            }
            if (action == null) {
                return;
            }
            try {
                action.end();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (Exception | Error e) {
                log.warn("not everything ended well: {}", e.toString(), e);
            }
        }
    }
}
