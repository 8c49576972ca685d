package io.peerpods.tests.lab;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.CopyFileRequest;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.agent.ExecProcessRequest;
import io.peerpods.proto.agent.HealthCheckResponse.ServingStatus;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.proto.agent.Linux;
import io.peerpods.proto.agent.LinuxNamespace;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Process;
import io.peerpods.proto.agent.ReadStreamRequest;
import io.peerpods.proto.agent.RemoveContainerRequest;
import io.peerpods.proto.agent.Root;
import io.peerpods.proto.agent.SignalProcessRequest;
import io.peerpods.proto.agent.Spec;
import io.peerpods.proto.agent.StartContainerRequest;
import io.peerpods.proto.agent.WaitProcessRequest;
import io.peerpods.proto.agent.WaitProcessResponse;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Plays Kata's Go shim towards the agent of one pod, in the order in which it calls: sandbox, pause container, one application
 * container, programs run in it, and the way down. One connection for the life of the pod.
 */
public final class KataPod implements AutoCloseable {

    private static final String SHARED = "/run/kata-containers/shared/containers/";
    private static final int STDOUT_READ = 32 * 1024;
    private static final int TERM = 15;
    private static final int KILL = 9;

    private final String sandboxId;
    private final String container = newId();
    private final TtrpcChannel channel;
    private final AgentServiceGrpc.AgentServiceBlockingStub agent;
    private final CompletableFuture<Integer> pauseEnded = new CompletableFuture<>();
    private final AtomicInteger execs = new AtomicInteger();

    private KataPod(String sandboxId, TtrpcChannel channel) {
        this.sandboxId = sandboxId;
        this.channel = channel;
        this.agent = AgentServiceGrpc.newBlockingStub(Shim.withHeaders(channel));
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
     */
    public static KataPod start(String sandboxId, Path agentSocket, List<String> resolver) {
        KataPod pod = new KataPod(sandboxId, connect(agentSocket));
        try {
            pod.check();
            pod.createSandbox(resolver);
            return pod;
        } catch (RuntimeException e) {
            pod.close();
            throw e;
        }
    }

    private static TtrpcChannel connect(Path socket) {
        try {
            return TtrpcChannel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            throw new UncheckedIOException("connect to the agent at " + socket, e);
        }
    }

    private void check() {
        ServingStatus status = HealthGrpc.newBlockingStub(Shim.withHeaders(channel))
                .withDeadlineAfter(30, TimeUnit.SECONDS)
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
        createContainer(sandboxId, List.of("sleep", "infinity"), resolver);
        AgentServiceGrpc.AgentServiceStub async = AgentServiceGrpc.newStub(Shim.withHeaders(channel));
        async.getOOMEvent(Empty.getDefaultInstance(), new Ignored<>());
        async.waitProcess(wait(sandboxId, sandboxId), new Ended(pauseEnded));
        createContainer(container, List.of("sleep", "infinity"), resolver);
    }

    private void createContainer(String id, List<String> args, List<String> resolver) {
        String resolvConf = SHARED + id + "-" + id.substring(0, 16) + "-resolv.conf";
        byte[] lines = (String.join("\n", resolver) + "\n").getBytes(StandardCharsets.UTF_8);
        within(60)
                .copyFile(CopyFileRequest.newBuilder()
                        .setPath(resolvConf)
                        .setFileSize(lines.length)
                        .setFileMode(0100644)
                        .setDirMode(0750)
                        .setData(ByteString.copyFrom(lines))
                        .build());
        // The shim takes the network and cgroup namespaces out, and the paths of the others: they are the worker's.
        Linux.Builder linux = Linux.newBuilder();
        for (String type : List.of("pid", "ipc", "uts", "mount")) {
            linux.addNamespaces(LinuxNamespace.newBuilder().setType(type));
        }
        within(60)
                .createContainer(CreateContainerRequest.newBuilder()
                        .setContainerId(id)
                        .setExecId(id)
                        .setOCI(Spec.newBuilder()
                                .setVersion("1.0.2-dev")
                                .setProcess(process(args))
                                .setRoot(Root.newBuilder().setPath("/run/kata-containers/" + id + "/rootfs"))
                                .setHostname("checked")
                                .addMounts(Mount.newBuilder()
                                        .setDestination("/etc/resolv.conf")
                                        .setSource(resolvConf)
                                        .setType("bind")
                                        .addAllOptions(List.of("rbind", "rprivate", "ro")))
                                .setLinux(linux))
                        .build());
        within(60)
                .startContainer(
                        StartContainerRequest.newBuilder().setContainerId(id).build());
    }

    private static Process process(List<String> args) {
        return Process.newBuilder()
                .addAllArgs(args)
                .addEnv("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                .setCwd("/")
                .build();
    }

    /** Runs a program in the application container, by the agent protocol. */
    public Ran exec(List<String> command) {
        String exec = "exec-" + execs.incrementAndGet();
        within(60)
                .execProcess(ExecProcessRequest.newBuilder()
                        .setContainerId(container)
                        .setExecId(exec)
                        .setProcess(process(command))
                        .build());
        CompletableFuture<String> errors = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> errors.complete(read(exec, true)));
        String output = read(exec, false);
        WaitProcessResponse ended = within(60).waitProcess(wait(container, exec));
        return new Ran(command, ended.getStatus(), output + errors.join());
    }

    /** Everything that a process prints, until its end. */
    private String read(String exec, boolean stderr) {
        StringBuilder text = new StringBuilder();
        ReadStreamRequest request = ReadStreamRequest.newBuilder()
                .setContainerId(container)
                .setExecId(exec)
                .setLen(STDOUT_READ)
                .build();
        while (true) {
            try {
                ByteString data =
                        (stderr ? within(60).readStderr(request) : within(60).readStdout(request)).getData();
                if (data.isEmpty()) {
                    return text.toString();
                }
                text.append(data.toStringUtf8());
            } catch (StatusRuntimeException e) {
                // The agent says the end of a stream as an error.
                return text.toString();
            }
        }
    }

    /** Ends the containers and the sandbox, as the shim does before it stops the VM. */
    public void destroy() {
        end(container, TERM);
        end(sandboxId, KILL);
        within(60).destroySandbox(Empty.getDefaultInstance());
    }

    private void end(String id, int signal) {
        within(60)
                .signalProcess(SignalProcessRequest.newBuilder()
                        .setContainerId(id)
                        .setExecId(id)
                        .setSignal(signal)
                        .build());
        within(60).waitProcess(wait(id, id));
        within(60)
                .removeContainer(
                        RemoveContainerRequest.newBuilder().setContainerId(id).build());
    }

    private static WaitProcessRequest wait(String container, String exec) {
        return WaitProcessRequest.newBuilder()
                .setContainerId(container)
                .setExecId(exec)
                .build();
    }

    private AgentServiceGrpc.AgentServiceBlockingStub within(int seconds) {
        return agent.withDeadlineAfter(seconds, TimeUnit.SECONDS);
    }

    /** Completes when the pause container has ended, or the connection is gone: what makes the shim stop the sandbox. */
    public CompletableFuture<Integer> pauseEnded() {
        return pauseEnded;
    }

    @Override
    public void close() {
        channel.close();
    }

    private static class Ignored<T> implements StreamObserver<T> {
        @Override
        public void onNext(T value) {}

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {}
    }

    private static final class Ended extends Ignored<WaitProcessResponse> {
        private final CompletableFuture<Integer> result;

        Ended(CompletableFuture<Integer> result) {
            this.result = result;
        }

        @Override
        public void onNext(WaitProcessResponse value) {
            result.complete(value.getStatus());
        }

        @Override
        public void onError(Throwable error) {
            result.completeExceptionally(error);
        }
    }
}
