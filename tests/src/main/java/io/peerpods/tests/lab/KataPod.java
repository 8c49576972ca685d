package io.peerpods.tests.lab;

import com.google.protobuf.Empty;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.AgentServiceGrpc.AgentServiceBlockingStub;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.agent.HealthCheckResponse.ServingStatus;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.proto.agent.OOMEvent;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * Plays Kata's Go shim towards the agent of one pod, in the order in which it calls: sandbox, pause container, one application
 * container, programs run in it, and the way down. One connection for the life of the pod, which is never made anew: when it ends, or
 * the agent does not answer a health check, the containers count as ended with status 255 and the VM is stopped.
 */
public final class KataPod implements AutoCloseable {

    /** How often the Go shim looks for the agent, and how long it waits for the answer. */
    static final Checks CHECKS = new Checks(Duration.ofSeconds(5), Duration.ofSeconds(30));

    private static final List<String> WAIT = List.of("sleep", "infinity");
    private static final int TERM = 15;
    private static final int KILL = 9;

    private final String sandboxId;
    private final TtrpcChannel connection;
    private final Channel channel;
    private final Runnable stopVm;
    private final KataContainer pause;
    private final KataContainer app;
    private final CompletableFuture<Integer> pauseStatus = new CompletableFuture<>();
    private final CompletableFuture<Integer> appStatus = new CompletableFuture<>();
    private final CompletableFuture<Void> over = new CompletableFuture<>();
    private volatile boolean closed;

    /** The shim's health checks. */
    record Checks(Duration interval, Duration deadline) {}

    private KataPod(String sandboxId, TtrpcChannel connection, Runnable stopVm) {
        this.sandboxId = sandboxId;
        this.connection = connection;
        this.channel = Shim.withHeaders(connection);
        this.stopVm = stopVm;
        this.pause = new KataContainer(channel, sandboxId);
        this.app = new KataContainer(channel, newId());
    }

    /** A sandbox or container id as containerd makes them. */
    public static String newId() {
        byte[] bytes = new byte[32];
        ThreadLocalRandom.current().nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    /**
     * Starts sandbox and containers of a started VM.
     *
     * @param resolver the lines of the pod's resolv.conf
     * @param stopVm calls StopVM of the sandbox
     */
    public static KataPod start(String sandboxId, Path agentSocket, List<String> resolver, Runnable stopVm) {
        return start(sandboxId, agentSocket, resolver, stopVm, CHECKS);
    }

    static KataPod start(String sandboxId, Path agentSocket, List<String> resolver, Runnable stopVm, Checks checks) {
        KataPod pod = new KataPod(sandboxId, connect(agentSocket), stopVm);
        try {
            pod.check(checks.deadline());
            pod.createSandbox(resolver);
        } catch (RuntimeException e) {
            pod.close();
            throw e;
        }
        Thread.ofVirtual().name("shim-checks").start(() -> pod.watch(checks));
        return pod;
    }

    private static TtrpcChannel connect(Path socket) {
        try {
            return TtrpcChannel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            throw new UncheckedIOException("connect to the agent at " + socket, e);
        }
    }

    private void check(Duration deadline) {
        ServingStatus status = HealthGrpc.newBlockingStub(channel)
                .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS)
                .check(CheckRequest.getDefaultInstance())
                .getStatus();
        if (status != ServingStatus.SERVING) {
            throw new IllegalStateException("the agent is " + status);
        }
    }

    private void createSandbox(List<String> resolver) {
        within(300)
                .createSandbox(CreateSandboxRequest.newBuilder()
                        .setHostname("checked")
                        .addAllDns(resolver)
                        .setSandboxId(sandboxId)
                        .build());
        within(60).getGuestDetails(Empty.getDefaultInstance());
        pause.start(WAIT, resolver);
        AgentServiceGrpc.newStub(channel).getOOMEvent(Empty.getDefaultInstance(), new Ignored());
        var unused = pause.status().thenAccept(this::pauseEnded);
        app.start(WAIT, resolver);
        unused = app.status().thenAccept(appStatus::complete);
    }

    /** The shim's monitor: a failed check marks the agent dead, and ends the connection. */
    private void watch(Checks checks) {
        try {
            while (!over.isDone() && !closed) {
                Thread.sleep(checks.interval());
                check(checks.deadline());
            }
        } catch (StatusRuntimeException | IllegalStateException e) {
            connection.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void pauseEnded(int status) {
        pauseStatus.complete(status);
        if (!closed) {
            Thread.ofVirtual().name("shim-stop").start(this::stopSandbox);
        }
    }

    /** The shim's way down; what the agent answers does not matter any more. */
    private void stopSandbox() {
        attempt(() -> {
            app.signalAll(KILL);
            appStatus.join();
            app.remove();
        });
        attempt(pause::remove);
        attempt(() -> within(60).destroySandbox(Empty.getDefaultInstance()));
        try {
            stopVm.run();
            over.complete(null);
        } catch (RuntimeException e) {
            over.completeExceptionally(e);
        } finally {
            connection.close();
        }
    }

    private static void attempt(Runnable call) {
        try {
            call.run();
        } catch (StatusRuntimeException e) {
            // As the shim, which stops a sandbox by force.
        }
    }

    /** Runs a program in the application container, by the agent protocol. */
    public Ran exec(List<String> command) {
        return app.exec(command);
    }

    /** Stops the container, then the sandbox with its VM, as the shim does when the pod is deleted. */
    public void destroy() {
        app.signal(TERM);
        appStatus.join();
        pause.signal(KILL);
        over.join();
    }

    /** The exit status of the pause container: 255 when the connection ended before. */
    public CompletableFuture<Integer> sandboxStatus() {
        return pauseStatus;
    }

    /** The exit status of the application container: 255 when the connection ended before. */
    public CompletableFuture<Integer> containerStatus() {
        return appStatus;
    }

    /** Complete when StopVM has answered after the pod's end; failed when StopVM failed. */
    public CompletableFuture<Void> over() {
        return over;
    }

    private AgentServiceBlockingStub within(int seconds) {
        return AgentServiceGrpc.newBlockingStub(channel).withDeadlineAfter(seconds, TimeUnit.SECONDS);
    }

    /** As when the shim is killed: the connection ends, the VM stays. */
    @Override
    public void close() {
        closed = true;
        connection.close();
    }

    private record Ignored() implements StreamObserver<OOMEvent> {
        @Override
        public void onNext(OOMEvent value) {}

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {}
    }
}
