package io.peerpods.adaptor.sandbox;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.adaptor.store.SandboxState;
import io.peerpods.adaptor.store.Store;
import io.peerpods.adaptor.store.StoreException;
import io.peerpods.adaptor.store.StoredRows;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.LaunchProblems;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.tls.WorkerTls;
import io.peerpods.daemon.Logs;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.relay.RelayThreads;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All sandboxes of this worker, and what Kata may ask of them. Every answer holds across a crash: what was answered is stored, and
 * what was stored goes on. Thread-safe; calls block and are made for virtual threads.
 */
public final class Sandboxes implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Sandboxes.class);

    /** How long StopVM waits for the pod's address to be free; runtime-rs gives up after a second. */
    private static final Duration QUIET = Duration.ofMillis(700);

    /** How long a stopping adaptor waits for the StopVM that follows a StartVM it has ended. */
    private static final Duration LAST_STOPS = Duration.ofSeconds(1);

    private static final int LOCKS = 64;
    private static final int VNI_TRIES = 16;

    private final SandboxContext context;
    private final LaunchSpecs specs;
    private final Vnis vnis;
    private final Map<SandboxId, Sandbox> byId = new ConcurrentHashMap<>();
    private final ReentrantLock[] creating = new ReentrantLock[LOCKS];
    private final ReentrantLock changes = new ReentrantLock();
    private final Condition changed = changes.newCondition();
    private final OrphanRemovals removals;
    private final SetAside setAside;
    private final Reconciliation reconciliation;
    private @Nullable Thread sweeper;
    private @Nullable Thread mender;
    private @Nullable Thread warmUp;

    private Sandboxes(SandboxContext context) {
        this.context = context;
        this.specs = new LaunchSpecs(context.options(), context.tls(), context.volumes());
        this.vnis = new Vnis(context.options().vxlanMinId());
        this.removals = new OrphanRemovals(context);
        this.setAside = new SetAside(context, removals);
        this.reconciliation = new Reconciliation(context, this, removals);
        for (int i = 0; i < LOCKS; i++) {
            creating[i] = new ReentrantLock();
        }
    }

    /**
     * Takes up every stored sandbox: those that are up get their agent socket back before this returns, the removal of those that are to
     * go begins.
     */
    public static Sandboxes open(
            SandboxOptions options,
            Store store,
            CloudProvider cloud,
            WorkerTunnels tunnels,
            WorkerTls tls,
            PodVolumes volumes,
            SandboxMetrics metrics,
            Consumer<String> steps)
            throws StoreException, IOException {
        SandboxContext context = new SandboxContext(
                options,
                store,
                cloud,
                tunnels,
                tls,
                volumes,
                new PodDirectories(options.podsDirectory()),
                RelayThreads.start(),
                metrics,
                steps);
        Sandboxes sandboxes = new Sandboxes(context);
        StoredRows rows = store.rows();
        rows.unreadable().forEach(row -> sandboxes.vnis.reserve(row.vni()));
        for (SandboxRow row : rows.readable()) {
            sandboxes.vnis.reserve(row.vni());
            sandboxes.byId.put(row.id(), new Sandbox(context, row, sandboxes::gone));
        }
        metrics.states(sandboxes::states);
        metrics.guardRepairs(tunnels::guardRepairs);
        metrics.cloudFails(() -> !cloud.problems().isEmpty());
        sandboxes.setAside.open(rows.unreadable());
        sandboxes.reconciliation.lookForRecovery();
        for (Sandbox sandbox : sandboxes.byId.values()) {
            switch (sandbox.row().state()) {
                case READY -> sandbox.adopt();
                case STOPPING -> sandbox.stop("it was being removed when the adaptor ended");
                default -> {
                    // Kata asks again, or the sweep finds that its pod is gone.
                }
            }
        }
        return sandboxes;
    }

    /** Begins what goes on in the background: comparing with kernel and cloud, the sweep, and a warm-up. */
    public void begin() {
        mender = Thread.ofVirtual().name("mend").start(this::mend);
        reconciliation.begin();
        warmUp = Thread.ofVirtual().name("warm-up").start(new WarmUp(context, specs, () -> !byId.isEmpty())::run);
        sweeper = Thread.ofVirtual().name("sweep").start(this::sweep);
    }

    private void gone(Sandbox sandbox) {
        byId.remove(sandbox.id());
        vnis.release(sandbox.row().vni());
        announce();
    }

    private Map<SandboxState, Long> states() {
        return byId.values().stream()
                .collect(Collectors.groupingBy(sandbox -> sandbox.row().state(), Collectors.counting()));
    }

    Optional<Sandbox> find(SandboxId id) {
        return Optional.ofNullable(byId.get(id));
    }

    /** Whether a row is of this sandbox, be it that it cannot be read. */
    boolean isKnown(SandboxId id) {
        return byId.containsKey(id) || setAside.contains(id);
    }

    /** Whether it is the VM of a known sandbox. */
    boolean hasVm(String vmId) {
        return byId.values().stream()
                .anyMatch(sandbox ->
                        sandbox.row().vm().filter(vm -> vm.id().equals(vmId)).isPresent());
    }

    void vnisInKernel(Set<Integer> vnis) {
        this.vnis.inKernel(vnis);
    }

    // ---- CreateVM

    /**
     * Fixes and stores everything of a sandbox; no cloud is asked. The same id again gives the same answer.
     *
     * @return path of the agent socket
     */
    public String create(String sandboxId, Map<String, String> annotations, String netns) throws StatusException {
        SandboxId id = SandboxIds.parse(
                sandboxId, PodRequest.podOf(annotations), context.options().podsDirectory());
        ReentrantLock lock = creating[Math.floorMod(id.hashCode(), LOCKS)];
        lock.lock();
        try (var _ = Logs.sandbox(id.value())) {
            Sandbox known = byId.get(id);
            if (known == null) {
                setAside.refuse(id);
                requireCloud(id);
                createNew(id, annotations, netns);
            } else if (known.row().state() == SandboxState.STOPPING) {
                throw Status.ABORTED
                        .withDescription(Failures.name(known.row()) + ": it is being removed")
                        .asException();
            }
            return context.directories().socket(id).toString();
        } finally {
            lock.unlock();
        }
    }

    private void createNew(SandboxId id, Map<String, String> annotations, String netns) throws StatusException {
        long begun = System.nanoTime();
        PodRequest pod = PodRequest.of(id, annotations);
        FutureTask<AgentConfig> certificate = specs.beginCertificate(id, pod);
        WorkerTunnels.Found found = context.tunnels().inspect(id, netns, pod.pod());
        SandboxRow row = add(id, pod, netns, found, certificate);
        try {
            context.directories().make(id);
        } catch (IOException e) {
            withdraw(row, e);
            throw Failures.of(row, e);
        }
        byId.put(id, new Sandbox(context, row, this::gone));
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        context.metrics().created(took);
        log.info(
                "created for pod {}: address {}, VNI {}, VM {} ({} us)",
                row.pod(),
                row.network().podAddress().getHostAddress(),
                row.vni(),
                row.spec().name(),
                took.toNanos() / 1000);
    }

    private SandboxRow add(
            SandboxId id, PodRequest pod, String netns, WorkerTunnels.Found found, FutureTask<AgentConfig> certificate)
            throws StatusException {
        AgentConfig secured = result(id, pod, certificate);
        for (int tried = 1; ; tried++) {
            int vni = freeVni(id, pod);
            boolean added = false;
            try {
                PodNetworkSpec network = found.spec()
                        .withTunnel(
                                context.options().vxlanPort(),
                                vni,
                                vni - context.options().vxlanMinId());
                Instant now = Instant.now();
                SandboxRow row = new SandboxRow(
                        SandboxState.CREATED,
                        netns,
                        found.identity(),
                        network,
                        specs.make(id, pod, network, secured),
                        Optional.empty(),
                        Optional.empty(),
                        now,
                        now);
                context.store().add(row);
                added = true;
                return row;
            } catch (StoreException e) {
                if (e.kind() != StoreException.Kind.TAKEN || tried == VNI_TRIES) {
                    throw (e.kind() == StoreException.Kind.FULL ? Status.RESOURCE_EXHAUSTED : Status.INTERNAL)
                            .withDescription("sandbox " + id + " of pod " + pod.pod() + ": " + e.getMessage())
                            .withCause(e)
                            .asException();
                }
            } finally {
                if (!added) {
                    vnis.release(vni);
                }
            }
        }
    }

    /** Before a VM is asked for: a cloud that is known not to launch is a reason to try again later, not to lose the sandbox. */
    private void requireCloud(SandboxId id) throws StatusException {
        String problems = LaunchProblems.text(context.cloud().problems());
        if (!problems.isEmpty()) {
            throw Status.UNAVAILABLE
                    .withDescription("sandbox " + id + ": " + problems)
                    .asException();
        }
    }

    private int freeVni(SandboxId id, PodRequest pod) throws StatusException {
        try {
            return vnis.take();
        } catch (StatusException e) {
            throw e.getStatus()
                    .withDescription("sandbox " + id + " of pod " + pod.pod() + ": "
                            + e.getStatus().getDescription())
                    .asException();
        }
    }

    private static AgentConfig result(SandboxId id, PodRequest pod, FutureTask<AgentConfig> certificate)
            throws StatusException {
        try {
            return certificate.get();
        } catch (ExecutionException e) {
            throw Status.INTERNAL
                    .withDescription("sandbox " + id + " of pod " + pod.pod() + ": no certificate could be made: "
                            + e.getCause())
                    .withCause(e)
                    .asException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Status.CANCELLED.withDescription("CreateVM was interrupted").asException();
        }
    }

    private void withdraw(SandboxRow row, IOException cause) {
        try {
            context.store().remove(row.id());
            vnis.release(row.vni());
        } catch (StoreException e) {
            // The row stays until the sweep finds it unstarted after the next start of the adaptor.
            cause.addSuppressed(e);
        }
    }

    // ---- StartVM, StopVM

    /**
     * Launches the VM and returns when its agent says that the pod's network is up.
     *
     * @param caller when it is cancelled, and no other caller waits, the VM is deleted
     */
    public void start(String sandboxId, Context caller) throws StatusException {
        SandboxId id = SandboxIds.parse(sandboxId, "", context.options().podsDirectory());
        setAside.refuse(id);
        Sandbox sandbox = find(id).orElseThrow(() -> Status.NOT_FOUND
                .withDescription("sandbox " + id + " is not known here: CreateVM comes first")
                .asException());
        if (sandbox.row().vm().isEmpty()) {
            requireCloud(id);
        }
        try {
            sandbox.start(caller);
        } finally {
            announce();
        }
    }

    /** Stores the stop request, takes the tunnel down and answers; the rest is done in the background. An unknown id is fine. */
    public void stop(String sandboxId) throws StatusException {
        SandboxId id = SandboxIds.parse(sandboxId, "", context.options().podsDirectory());
        Optional<Sandbox> sandbox = find(id);
        if (sandbox.isEmpty()) {
            if (!setAside.stop(id)) {
                reconciliation.stopUnknown(id);
            }
            return;
        }
        Removal removal = sandbox.get().stop("StopVM");
        announce();
        try {
            removal.awaitQuiet(QUIET);
        } catch (InterruptedException e) {
            // The caller is gone; the removal is not.
            Thread.currentThread().interrupt();
        }
    }

    // ---- PodVMInfo

    /**
     * The VM of a pod, of the newest sandbox where several have that name.
     *
     * @param wait until there is one, or the caller gives up
     */
    public String vmOf(String podNamespace, String podName, boolean wait, Context caller) throws StatusException {
        Context.CancellationListener wake = context -> announce();
        caller.addListener(wake, Runnable::run);
        changes.lock();
        try {
            while (true) {
                Optional<String> vm = vmOf(podNamespace, podName);
                if (vm.isPresent()) {
                    return vm.get();
                }
                if (!wait) {
                    throw Status.NOT_FOUND
                            .withDescription("pod " + podNamespace + "/" + podName + " has no VM here")
                            .asException();
                }
                if (caller.isCancelled()) {
                    throw Status.DEADLINE_EXCEEDED
                            .withDescription("pod " + podNamespace + "/" + podName + " still has no VM here")
                            .asException();
                }
                // A launched VM announces itself; the clock is for the one that is launched between two looks.
                changed.await(100, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Status.CANCELLED.asException();
        } finally {
            changes.unlock();
            caller.removeListener(wake);
        }
    }

    private Optional<String> vmOf(String podNamespace, String podName) {
        return byId.values().stream()
                .map(Sandbox::row)
                .filter(row -> row.state() != SandboxState.STOPPING
                        && row.spec().podName().equals(podName)
                        && row.spec().podNamespace().equals(podNamespace))
                .max(Comparator.comparing(SandboxRow::created))
                .flatMap(SandboxRow::vm)
                .map(PodVm::id);
    }

    private void announce() {
        changes.lock();
        try {
            changed.signalAll();
        } finally {
            changes.unlock();
        }
    }

    // ---- in the background

    private void mend() {
        for (Sandbox sandbox : byId.values()) {
            if (Thread.currentThread().isInterrupted()) {
                return;
            }
            if (sandbox.row().state() == SandboxState.READY) {
                sandbox.mend();
            }
        }
    }

    private void sweep() {
        try {
            UnderlayWatch underlay = new UnderlayWatch(context.tunnels()::workerAddresses);
            while (true) {
                Thread.sleep(context.options().sweepInterval());
                look(underlay);
                Instant now = Instant.now();
                byId.values().forEach(sandbox -> sweep(sandbox.id(), () -> sandbox.sweep(now)));
                setAside.ids().forEach(id -> sweep(id, () -> setAside.sweep(id)));
            }
        } catch (InterruptedException e) {
            // The end of the adaptor.
        }
    }

    private void look(UnderlayWatch underlay) {
        try {
            context.metrics().withoutUnderlay(underlay.look(ready()));
        } catch (RuntimeException | Error e) {
            log.error("the worker's addresses cannot be looked at, it is tried again", e);
        }
    }

    private List<SandboxRow> ready() {
        return byId.values().stream()
                .map(Sandbox::row)
                .filter(row -> row.state() == SandboxState.READY)
                .toList();
    }

    /** One sandbox that cannot be looked at keeps no other from being removed. */
    private static void sweep(SandboxId id, Runnable look) {
        try {
            look.run();
        } catch (RuntimeException | Error e) {
            log.atError().addKeyValue(Logs.SANDBOX, id).setCause(e).log("the sweep failed, it is tried again");
        }
    }

    /**
     * Answers every running StartVM with UNAVAILABLE and keeps the sandboxes. The caller's connection must still be served after this:
     * Kata's Go shim answers a failed StartVM with StopVM, once, on a new connection; it is waited for, so that no VM of a pod that is
     * given up has to be found by the next adaptor's sweep.
     */
    public void endStarts() throws InterruptedException {
        List<Sandbox> ended = byId.values().stream().filter(Sandbox::endStart).toList();
        long end = System.nanoTime() + LAST_STOPS.toNanos();
        changes.lock();
        try {
            while (ended.stream().anyMatch(sandbox -> sandbox.row().state() != SandboxState.STOPPING)) {
                if (changed.awaitNanos(end - System.nanoTime()) <= 0) {
                    return;
                }
            }
        } finally {
            changes.unlock();
        }
    }

    /** Ends all work; deletes no VM. */
    @Override
    public void close() {
        for (Thread thread : new @Nullable Thread[] {sweeper, mender, warmUp}) {
            if (thread != null) {
                thread.interrupt();
            }
        }
        try {
            reconciliation.close();
            removals.close();
            for (Sandbox sandbox : byId.values()) {
                sandbox.close();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        context.relayThreads().close();
    }
}
