package io.peerpods.tests.lab;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.CopyFileRequest;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.ExecProcessRequest;
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
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A container of a {@link KataPod}, by the calls of Kata's Go shim. */
final class KataContainer {

    /** What the shim says of a container whose end it could not learn. */
    static final int LOST = 255;

    private static final String SHARED = "/run/kata-containers/shared/containers/";
    private static final int STDOUT_READ = 32 * 1024;

    private final Channel channel;
    private final String id;
    private final AtomicInteger execs = new AtomicInteger();

    /** @param channel carries the shim's headers */
    KataContainer(Channel channel, String id) {
        this.channel = channel;
        this.id = id;
    }

    /** @param resolver the lines of its resolv.conf */
    void start(List<String> args, List<String> resolver) {
        String resolvConf = SHARED + id + "-" + id.substring(0, 16) + "-resolv.conf";
        byte[] lines = (String.join("\n", resolver) + "\n").getBytes(StandardCharsets.UTF_8);
        agent().copyFile(CopyFileRequest.newBuilder()
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
        agent().createContainer(CreateContainerRequest.newBuilder()
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
        agent().startContainer(
                        StartContainerRequest.newBuilder().setContainerId(id).build());
    }

    private static Process process(List<String> args) {
        return Process.newBuilder()
                .addAllArgs(args)
                .addEnv("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                .setCwd("/")
                .build();
    }

    /** Its exit status; {@link #LOST} when the call fails, as it does when the connection ends. */
    CompletableFuture<Integer> status() {
        CompletableFuture<Integer> status = new CompletableFuture<>();
        AgentServiceGrpc.newStub(channel).waitProcess(wait(id), new Ended(status));
        return status;
    }

    /** Runs a program in it to its end. */
    Ran exec(List<String> command) {
        String exec = "exec-" + execs.incrementAndGet();
        agent().execProcess(ExecProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(exec)
                .setProcess(process(command))
                .build());
        CompletableFuture<String> errors = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> errors.complete(read(exec, true)));
        String output = read(exec, false);
        WaitProcessResponse ended = agent().waitProcess(wait(exec));
        return new Ran(command, ended.getStatus(), output + errors.join());
    }

    /** Everything that a process prints, until its end. */
    private String read(String exec, boolean stderr) {
        StringBuilder text = new StringBuilder();
        ReadStreamRequest request = ReadStreamRequest.newBuilder()
                .setContainerId(id)
                .setExecId(exec)
                .setLen(STDOUT_READ)
                .build();
        while (true) {
            try {
                ByteString data = (stderr ? agent().readStderr(request) : agent().readStdout(request)).getData();
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

    /** Sends its own process a signal. */
    void signal(int number) {
        signal(id, number);
    }

    /** Sends all its processes a signal: the shim says that by an empty exec id. */
    void signalAll(int number) {
        signal("", number);
    }

    private void signal(String exec, int number) {
        agent().signalProcess(SignalProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(exec)
                .setSignal(number)
                .build());
    }

    void remove() {
        agent().removeContainer(
                        RemoveContainerRequest.newBuilder().setContainerId(id).build());
    }

    private WaitProcessRequest wait(String exec) {
        return WaitProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(exec)
                .build();
    }

    private AgentServiceGrpc.AgentServiceBlockingStub agent() {
        return AgentServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
    }

    private record Ended(CompletableFuture<Integer> status) implements StreamObserver<WaitProcessResponse> {
        @Override
        public void onNext(WaitProcessResponse value) {
            status.complete(value.getStatus());
        }

        @Override
        public void onError(Throwable error) {
            status.complete(LOST);
        }

        @Override
        public void onCompleted() {}
    }
}
