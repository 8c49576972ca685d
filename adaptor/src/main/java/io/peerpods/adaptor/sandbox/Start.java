package io.peerpods.adaptor.sandbox;

import static java.util.Objects.requireNonNull;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.adaptor.store.SandboxState;
import io.peerpods.cloud.PodVm;
import io.peerpods.daemon.Logs;
import io.peerpods.relay.AgentRelay;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of StartVM, on a thread of its own: any number of callers wait for it, and it ends when the last of them gives up. A run
 * after a crash goes the same way again; every step finds what is there already.
 */
final class Start {

    private static final Logger log = LoggerFactory.getLogger(Start.class);

    private final Sandbox sandbox;
    private final CompletableFuture<Boolean> result = new CompletableFuture<>();
    private final AtomicReference<@Nullable StatusException> cancelled = new AtomicReference<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final CountDownLatch end = new CountDownLatch(1);
    private final Thread thread;

    Start(Sandbox sandbox) {
        this.sandbox = sandbox;
        this.thread = Thread.ofVirtual().name("start-" + sandbox.id()).unstarted(this::run);
    }

    void begin() {
        thread.start();
    }

    /** One caller more. Called before {@link #await}, under the sandbox's lock, so that a run is never without a caller while one comes. */
    void join() {
        waiting.incrementAndGet();
    }

    /** Waits for the end of the run or of the caller's patience. */
    void await(Context caller) throws StatusException {
        CompletableFuture<Boolean> mine = result.copy();
        Context.CancellationListener listener =
                context -> mine.completeExceptionally(givenUp(context).asException());
        caller.addListener(listener, Runnable::run);
        try {
            mine.get();
        } catch (ExecutionException e) {
            leave();
            throw e.getCause() instanceof StatusException status
                    ? status
                    : Status.INTERNAL
                            .withDescription(String.valueOf(e.getCause()))
                            .asException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            leave();
            throw Status.CANCELLED.withDescription("StartVM was interrupted").asException();
        } finally {
            caller.removeListener(listener);
        }
    }

    private void leave() {
        if (waiting.decrementAndGet() == 0 && !result.isDone()) {
            sandbox.abandoned("the caller of StartVM has given up");
        }
    }

    private static Status givenUp(Context caller) {
        return caller.cancellationCause() instanceof java.util.concurrent.TimeoutException
                ? Status.DEADLINE_EXCEEDED.withDescription("StartVM: the caller's deadline is over")
                : Status.CANCELLED.withDescription("StartVM: the caller has hung up");
    }

    /** Ends the run with that answer, unless it has ended. */
    void cancel(StatusException answer) {
        if (cancelled.compareAndSet(null, answer) && !result.isDone()) {
            thread.interrupt();
            sandbox.closeRelay();
            // A provider that returns late does not hold up the callers; it does hold up a removal.
            result.completeExceptionally(answer);
        }
    }

    void awaitEnd() throws InterruptedException {
        end.await();
    }

    private void run() {
        SandboxRow row = sandbox.row();
        // Until the opposite is known: an Error anywhere below must never read as success.
        @Nullable
        StatusException failure = Status.INTERNAL
                .withDescription(Failures.name(row) + ": its start ended unexpectedly; see the adaptor's log")
                .asException();
        try (var _ = Logs.sandbox(row.id().value())) {
            failure = failure(row);
        } finally {
            settle(failure);
        }
    }

    private @Nullable StatusException failure(SandboxRow row) {
        long begun = System.nanoTime();
        StatusException failure = null;
        try {
            launchAndConnect();
        } catch (Exception | Error e) {
            StatusException answer = cancelled.get();
            failure = answer != null ? answer : Failures.of(row, e);
            log(failure, e);
        }
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        sandbox.context().metrics().started(took, failure == null);
        if (failure == null) {
            log.info("pod {} is up on VM {} after {} ms", row.pod(), row.spec().name(), took.toMillis());
        }
        return failure;
    }

    /** Tells the sandbox and all callers; each of them, whatever telling the others does. */
    private void settle(@Nullable StatusException failure) {
        // The end of the thread's work first: a removal that begins below waits for it.
        end.countDown();
        try {
            sandbox.ended(this, failure);
        } finally {
            if (failure == null) {
                result.complete(true);
            } else {
                result.completeExceptionally(failure);
            }
        }
    }

    private void log(StatusException failure, Throwable cause) {
        boolean ours = failure.getStatus().getCode() == Status.Code.INTERNAL;
        if (ours) {
            log.error("StartVM failed: {}", failure.getStatus().getDescription(), cause);
        } else {
            log.warn(
                    "StartVM failed: {} {}",
                    failure.getStatus().getCode(),
                    failure.getStatus().getDescription());
        }
    }

    private void launchAndConnect() throws Exception {
        SandboxContext context = sandbox.context();
        SandboxRow row = sandbox.enter(SandboxState.LAUNCHING);
        AgentRelay relay = sandbox.relay();
        // Before a VM is paid for whose tunnel could not come up.
        context.tunnels().requireUsablePort(row);
        long begun = System.nanoTime();
        PodVm vm = context.cloud().launch(row.spec(), sandbox.launchLog());
        context.steps().accept("cloud launch");
        log.info(
                "VM {} launched for pod {} in {} ms, addresses {}",
                vm.id(),
                row.pod(),
                millisSince(begun),
                vm.addresses());
        sandbox.launched(vm);
        row = sandbox.enter(SandboxState.CONNECTING);
        relay.agentAt(sandbox.agent(vm));
        connect(row, vm, relay);
        sandbox.enter(SandboxState.READY);
    }

    /** The tunnel is built while the VM boots and is being dialled. */
    private void connect(SandboxRow row, PodVm vm, AgentRelay relay) throws Exception {
        CompletableFuture<Boolean> answered = new CompletableFuture<>();
        Duration patience = sandbox.context().options().proxyTimeout();
        Thread.ofVirtual().name("check-" + row.id()).start(() -> {
            try {
                relay.check(patience);
                answered.complete(true);
            } catch (StatusException | RuntimeException | Error e) {
                answered.completeExceptionally(e);
            }
        });
        long begun = System.nanoTime();
        try {
            sandbox.context().tunnels().build(row, vm);
        } catch (Exception | Error e) {
            sandbox.closeRelay();
            throw e;
        }
        log.debug("tunnel built in {} ms", millisSince(begun));
        try (TunnelCheck tunnel = TunnelCheck.open(sandbox.context().tunnels(), row, vm)) {
            await(answered);
            tunnel.require(relay, patience.minusNanos(System.nanoTime() - begun));
        }
    }

    private static void await(CompletableFuture<Boolean> answered) throws Exception {
        try {
            answered.get();
        } catch (ExecutionException e) {
            throw requireNonNull(e.getCause()) instanceof Exception cause ? cause : e;
        }
    }

    private static long millisSince(long begun) {
        return Duration.ofNanos(System.nanoTime() - begun).toMillis();
    }
}
