package io.peerpods.adaptor.sandbox;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.adaptor.store.SandboxState;
import io.peerpods.adaptor.store.StoreException;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.daemon.Logs;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.relay.AgentRelay;
import io.peerpods.relay.RelayOptions;
import io.peerpods.relay.Transport;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One sandbox from CreateVM to the end of its removal. The row is written before each effect, under this object's lock; the effects
 * themselves happen outside of it, in a {@link Start} and later a {@link Removal}, which never overlap.
 */
final class Sandbox {

    private static final Logger log = LoggerFactory.getLogger(Sandbox.class);

    private final SandboxContext context;
    private final Consumer<Sandbox> gone;
    private final ReentrantLock lock = new ReentrantLock();

    private SandboxRow row;
    private @Nullable Start start;
    private @Nullable Removal removal;
    private @Nullable AgentRelay relay;
    private boolean closing;
    private int absences;

    /** @param gone is told when nothing is left */
    Sandbox(SandboxContext context, SandboxRow row, Consumer<Sandbox> gone) {
        this.context = context;
        this.row = row;
        this.gone = gone;
    }

    SandboxContext context() {
        return context;
    }

    SandboxRow row() {
        lock.lock();
        try {
            return row;
        } finally {
            lock.unlock();
        }
    }

    SandboxId id() {
        return row().id();
    }

    // ---- what Kata asks

    /**
     * Starts the VM, or waits with those who asked before.
     *
     * @throws StatusException why not; or the caller's own hang-up or deadline, which removes the sandbox when no other caller waits
     */
    void start(Context caller) throws StatusException {
        Start run;
        lock.lock();
        try {
            if (row.state() == SandboxState.READY) {
                return;
            }
            if (row.state() == SandboxState.STOPPING) {
                throw status(Status.ABORTED, "it is being removed");
            }
            if (closing) {
                throw status(Status.UNAVAILABLE, "the adaptor is stopping");
            }
            if (start == null) {
                // Kept only once it runs: a run that could not begin would never end.
                Start begun = new Start(this);
                begun.begin();
                start = begun;
            }
            run = start;
            run.join();
        } finally {
            lock.unlock();
        }
        run.await(caller);
    }

    /**
     * Stores the state STOPPING and begins to remove the sandbox. Returns at once; {@link Removal#awaitQuiet} tells when the pod's
     * address is free.
     */
    Removal stop(String why) {
        lock.lock();
        try {
            if (row.state() != SandboxState.STOPPING) {
                log.atInfo().addKeyValue(Logs.SANDBOX, row.id()).log("removing {}: {}", row.pod(), why);
                row = entered(SandboxState.STOPPING);
            }
            Start run = start;
            if (run != null) {
                run.cancel(status(Status.ABORTED, "it was stopped before it was up: " + why));
            }
            if (removal == null) {
                Removal begun = new Removal(this, run);
                if (!closing) {
                    begun.begin();
                }
                removal = begun;
            }
            return removal;
        } finally {
            lock.unlock();
        }
    }

    /** The last caller of StartVM is gone. It is the end of the sandbox, unless the callers go because the adaptor does. */
    void abandoned(String why) {
        lock.lock();
        try {
            if (!closing) {
                stop(why);
            }
        } finally {
            lock.unlock();
        }
    }

    private SandboxRow entered(SandboxState state) {
        try {
            return context.store().enter(row, state);
        } catch (StoreException e) {
            // A full disk must not keep a VM alive. If the process dies now, the sweep finds the pod's namespace gone.
            log.atError()
                    .addKeyValue(Logs.SANDBOX, row.id())
                    .log("the request to stop is in memory only: {}", e.getMessage());
            return new SandboxRow(
                    state,
                    row.netns(),
                    row.netnsIdentity(),
                    row.network(),
                    row.spec(),
                    row.launchLog(),
                    row.vm(),
                    row.created(),
                    Instant.now());
        }
    }

    // ---- for a start

    /** The next state, before its effect. */
    SandboxRow enter(SandboxState state) throws StatusException, StoreException {
        lock.lock();
        try {
            requireWanted();
            if (row.state().compareTo(state) < 0) {
                row = context.store().enter(row, state);
            }
            return row;
        } finally {
            lock.unlock();
        }
    }

    SandboxRow launched(PodVm vm) throws StatusException, StoreException {
        lock.lock();
        try {
            requireWanted();
            if (!Optional.of(vm).equals(row.vm())) {
                row = context.store().launched(row, vm);
            }
            return row;
        } finally {
            lock.unlock();
        }
    }

    private void requireWanted() throws StatusException {
        if (row.state() == SandboxState.STOPPING) {
            throw status(Status.ABORTED, "it was stopped before it was up");
        }
        if (closing) {
            throw status(Status.UNAVAILABLE, "the adaptor is stopping");
        }
    }

    /** The relay, listening from now on. */
    AgentRelay relay() throws StatusException, IOException {
        lock.lock();
        try {
            requireWanted();
            if (relay == null) {
                context.directories().make(row.id());
                relay = AgentRelay.listen(new RelayOptions(
                        "pod VM " + row.spec().name(),
                        context.directories().socket(row.id()),
                        transport(),
                        new ContainerEdits(row.spec(), context.volumes().onWorker()),
                        context.options().proxyTimeout(),
                        context.relayThreads(),
                        this::vmEnded));
            }
            return relay;
        } finally {
            lock.unlock();
        }
    }

    /** What the provider says, when the VM is silent. */
    private Optional<String> vmEnded() {
        Optional<PodVm> vm = row().vm();
        if (vm.isEmpty()) {
            return Optional.empty();
        }
        try {
            return context.cloud().ended(vm.get());
        } catch (CloudException e) {
            log.atDebug()
                    .addKeyValue(Logs.SANDBOX, id())
                    .log("whether its VM has ended is not known: {}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return Optional.empty();
    }

    private Transport transport() {
        Optional<TlsEndpoint> endpoint = context.tls().endpoint(row.spec().name());
        return endpoint.isEmpty()
                ? Transport.plain()
                : Transport.client(
                        endpoint.get().context(),
                        endpoint.get().parameters(),
                        endpoint.get().serverName());
    }

    InetSocketAddress agent(PodVm vm) {
        return new InetSocketAddress(vm.agent(), context.options().agentPort());
    }

    /** The start has come to its end; one that failed is followed by a removal. */
    void ended(Start run, @Nullable StatusException failure) {
        boolean remove;
        lock.lock();
        try {
            if (start == run) {
                start = null;
            }
            remove = failure != null && !closing;
        } finally {
            lock.unlock();
        }
        if (remove && failure != null) {
            stop("StartVM failed: " + failure.getStatus().getDescription());
        }
    }

    // ---- for a removal

    /** The provider's memory of this sandbox's launches. */
    LaunchLog launchLog() {
        return new LaunchLog() {
            @Override
            public Optional<String> last() {
                return row().launchLog();
            }

            @Override
            public void write(String text) {
                lock.lock();
                try {
                    row = context.store().launchLog(row, text);
                } catch (StoreException e) {
                    throw new LaunchLogException(e);
                } finally {
                    lock.unlock();
                }
            }
        };
    }

    void closeRelay() {
        AgentRelay open;
        lock.lock();
        try {
            open = relay;
            relay = null;
        } finally {
            lock.unlock();
        }
        if (open != null) {
            open.close();
        }
    }

    /** Nothing is left of it. */
    void forget() throws StoreException {
        context.store().remove(id());
        gone.accept(this);
    }

    // ---- for the adaptor's start and end

    /** After a restart: the relay listens again. */
    void adopt() {
        SandboxRow known = row();
        try {
            if (known.vm().isPresent()) {
                relay().agentAt(agent(known.vm().get()));
            }
        } catch (StatusException | IOException | RuntimeException e) {
            log.atError().addKeyValue(Logs.SANDBOX, known.id()).log("no agent socket: {}", e.getMessage());
        }
    }

    /** After a restart: the tunnel is compared with what it should be, and what is missing is built again. */
    void mend() {
        SandboxRow known = row();
        try (var _ = Logs.sandbox(known.id().value())) {
            if (known.vm().isEmpty() || !context.tunnels().isPresent(known)) {
                log.warn("the network namespace {} of pod {} is gone", known.netns(), known.pod());
                return;
            }
            PodVm vm = known.vm().get();
            lock.lock();
            try {
                // Under the lock: nothing is built again that is being removed.
                if (row.state() == SandboxState.READY && !closing) {
                    mend(known, vm);
                }
            } finally {
                lock.unlock();
            }
            log.info("adopted VM {} of pod {}", vm.id(), known.pod());
        } catch (PodNetworkException | RuntimeException | Error e) {
            log.atError().addKeyValue(Logs.SANDBOX, known.id()).setCause(e).log("the tunnel cannot be mended");
        }
    }

    private void mend(SandboxRow known, PodVm vm) throws PodNetworkException {
        var differences = context.tunnels().differences(known, vm);
        if (!differences.isEmpty()) {
            log.warn("the tunnel is not as it was built, building it again: {}", differences);
            context.tunnels().build(known, vm);
        } else {
            context.tunnels().guard(known, vm);
        }
    }

    /** Looks whether its pod is still there; a removal follows when it is missing twice in a row. */
    void sweep(Instant now) {
        SandboxRow seen = row();
        if (seen.state() == SandboxState.STOPPING) {
            return;
        }
        Duration unstarted = context.options().unstartedTimeout();
        if (seen.state() != SandboxState.READY
                && !isStarting()
                && Duration.between(seen.changed(), now).compareTo(unstarted) > 0) {
            stop("it was not started within " + unstarted);
            return;
        }
        if (context.tunnels().isPresent(seen)) {
            absences = 0;
        } else if (++absences > 1) {
            stop("its network namespace " + seen.netns() + " is gone, and so is the pod");
        }
    }

    private boolean isStarting() {
        lock.lock();
        try {
            return start != null;
        } finally {
            lock.unlock();
        }
    }

    /** Ends a running start without ending the sandbox: its callers are answered. False when none runs. */
    boolean endStart() {
        Start run;
        lock.lock();
        try {
            closing = true;
            run = start;
        } finally {
            lock.unlock();
        }
        if (run == null) {
            return false;
        }
        run.cancel(status(Status.UNAVAILABLE, "the adaptor is stopping; it goes on with this sandbox when it is back"));
        return true;
    }

    /** Ends work without ending the sandbox: the next process goes on. */
    void close() throws InterruptedException {
        endStart();
        Start run;
        Removal removing;
        lock.lock();
        try {
            run = start;
            removing = removal;
        } finally {
            lock.unlock();
        }
        if (removing != null) {
            removing.interrupt();
        }
        closeRelay();
        if (run != null) {
            run.awaitEnd();
        }
        if (removing != null) {
            removing.awaitEnd();
        }
    }

    private StatusException status(Status code, String text) {
        return code.withDescription(Failures.name(row) + ": " + text).asException();
    }
}
