package io.peerpods.vpc.standin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.AgentServiceGrpc.AgentServiceBlockingStub;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.CloseStdinRequest;
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
import io.peerpods.proto.agent.SignalProcessRequest;
import io.peerpods.proto.agent.Spec;
import io.peerpods.proto.agent.StartContainerRequest;
import io.peerpods.proto.agent.WaitProcessRequest;
import io.peerpods.proto.agent.WriteStreamRequest;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import io.peerpods.ttrpc.TtrpcChannel;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NeedsRoot
@NeedsProgram({"ip", "nsenter", "unshare"})
class StandInKataAgentTest {

    private static final Executor THREADS = task -> Thread.ofVirtual().start(task);

    @TempDir
    Path directory;

    private StandInKataAgent agent;
    private TtrpcChannel channel;
    private TtrpcChannel other;
    private AgentServiceBlockingStub stub;

    @BeforeEach
    void listen() throws Exception {
        agent = StandInKataAgent.listen(directory.resolve("agent.sock"));
        channel = TtrpcChannel.connect(UnixDomainSocketAddress.of(directory.resolve("agent.sock")));
        other = TtrpcChannel.connect(UnixDomainSocketAddress.of(directory.resolve("agent.sock")));
        stub = AgentServiceGrpc.newBlockingStub(channel);
        stub.createSandbox(
                CreateSandboxRequest.newBuilder().setSandboxId("sandbox").build());
    }

    @AfterEach
    void close() {
        stub.destroySandbox(Empty.getDefaultInstance());
        channel.close();
        other.close();
        agent.close();
    }

    @Test
    void itServesAndSaysThatItIsAStandIn() {
        HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
        assertThat(health.check(CheckRequest.getDefaultInstance()).getStatus()).isEqualTo(ServingStatus.SERVING);
        assertThat(health.version(CheckRequest.getDefaultInstance()).getAgentVersion())
                .contains("standin");
        assertThat(stub.getGuestDetails(Empty.getDefaultInstance())).isNotNull();
    }

    /** As kata-agent, which removes all of its directory; connections that stand live on. */
    @Test
    void creatingTheSandboxRemovesTheAgentsOwnSocket() {
        assertThat(directory.resolve("agent.sock")).doesNotExist();
    }

    @Test
    void aContainerRunsInTheNetworkNamespaceOfItsSpec() {
        try (TempNetns netns = TempNetns.create("standin")) {
            create("app", Spec.newBuilder().setLinux(network(netns)), "readlink", "/proc/self/ns/net");
            start("app");
            String expected = netns.exec("readlink", "/proc/self/ns/net").strip();
            assertThat(output("app", "").strip()).isEqualTo(expected);
            assertThat(status("app", "")).isZero();
        }
    }

    @Test
    void argumentsAndEnvironmentArriveAsTheyAre() {
        Process process = Process.newBuilder()
                .addAllArgs(
                        List.of("sh", "-c", "printf '%s|%s|%s' \"$1\" \"$GREETING\" \"$HOME\"", "x", "a; b 'c' $HOME"))
                .addEnv("GREETING=hello = world")
                .addEnv("PATH=/usr/bin:/bin")
                .build();
        create("app", Spec.newBuilder().setProcess(process));
        start("app");
        assertThat(output("app", "")).isEqualTo("a; b 'c' $HOME|hello = world|");
    }

    @Test
    void bothStreamsAreReadAndEndWithTheProcess() {
        create("app", Spec.newBuilder(), "sh", "-c", "echo out; echo err >&2; exit 7");
        start("app");
        assertThat(output("app", "")).isEqualTo("out\n");
        assertThat(errors("app", "")).isEqualTo("err\n");
        assertThat(status("app", "")).isEqualTo(7);
    }

    @Test
    void stdinIsWrittenAndClosed() {
        create("app", Spec.newBuilder(), "sort");
        start("app");
        ByteString data = ByteString.copyFromUtf8("b\na\n");
        assertThat(stub.writeStdin(WriteStreamRequest.newBuilder()
                                .setContainerId("app")
                                .setData(data)
                                .build())
                        .getLen())
                .isEqualTo(4);
        stub.closeStdin(CloseStdinRequest.newBuilder().setContainerId("app").build());
        assertThat(output("app", "")).isEqualTo("a\nb\n");
    }

    @Test
    void waitingEndsWithTheSignalAndASecondKillIsFine() throws Exception {
        create("app", Spec.newBuilder(), "sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done");
        start("app");
        assertThat(next("app")).isEqualTo("up");
        CompletableFuture<Integer> status = CompletableFuture.supplyAsync(() -> status("app", ""), THREADS);
        signal("app", "", 15);
        assertThat(status.get(30, TimeUnit.SECONDS)).isEqualTo(3);
        signal("app", "", 9);
        assertThat(status("app", "")).isEqualTo(3);
    }

    /** The first process of a PID namespace does not get a signal that it does not handle. */
    @Test
    void aContainerThatDoesNotHandleTermIsKilledByIt() {
        create("app", Spec.newBuilder(), "sleep", "infinity");
        start("app");
        signal("app", "", 15);
        assertThat(status("app", "")).isEqualTo(128 + 9);
    }

    @Test
    void killingAContainerKillsItsWholeProcessTreeAndEndsItsOutput() throws Exception {
        create(
                "app",
                Spec.newBuilder(),
                "sh",
                "-c",
                "setsid sleep infinity & (sleep infinity; true) & echo up; wait; true");
        start("app");
        assertThat(next("app")).isEqualTo("up");
        exec("app", "probe", "sh", "-c", "sleep infinity; true");
        Set<ProcessHandle> tree = descendants();
        assertThat(tree)
                .as("three sleeps, their shells and what waits for them")
                .hasSizeGreaterThan(6);
        signal("app", "", 9);
        assertThat(output("app", "")).as("what is left of it").isEmpty();
        assertThat(status("app", "")).isEqualTo(128 + 9);
        assertThat(status("app", "probe")).isEqualTo(128 + 9);
        for (ProcessHandle process : tree) {
            process.onExit().get(30, TimeUnit.SECONDS);
        }
    }

    @Test
    void theEndOfAContainersOwnProcessEndsItsChildren() {
        create("app", Spec.newBuilder(), "sh", "-c", "sleep infinity & echo up; exit 4");
        start("app");
        assertThat(output("app", "")).isEqualTo("up\n");
        assertThat(status("app", "")).isEqualTo(4);
        assertThatThrownBy(() -> exec("app", "late", "true")).hasMessageContaining("has ended");
    }

    @Test
    void killingAnExecLeavesItsContainerAlone() throws Exception {
        create("app", Spec.newBuilder(), "sleep", "infinity");
        start("app");
        exec("app", "probe", "sleep", "infinity");
        signal("app", "probe", 15);
        assertThat(status("app", "probe")).isEqualTo(128 + 15);
        exec("app", "second", "sh", "-c", "ps -e -o args | grep -c '^sleep infinity'");
        assertThat(output("app", "second")).as("processes in the container").isEqualTo("1\n");
    }

    @Test
    void programsAreFoundInTheContainersOwnPath() throws Exception {
        Path program = Files.writeString(directory.resolve("only-here"), "#!/bin/sh\necho found by $PATH\n");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        Process own = Process.newBuilder()
                .addArgs("only-here")
                .addEnv("PATH=" + directory)
                .build();
        create("app", Spec.newBuilder().setProcess(own));
        start("app");
        assertThat(output("app", "")).isEqualTo("found by " + directory + "\n");
        create("elsewhere", Spec.newBuilder().setProcess(own.toBuilder().setEnv(0, "PATH=/usr/bin:/bin")));
        assertCode(Status.Code.INTERNAL, () -> start("elsewhere"));
        create("none", Spec.newBuilder().setProcess(own.toBuilder().setArgs(0, "sleep")));
        assertCode(Status.Code.INTERNAL, () -> start("none"));
    }

    @Test
    void anExecSharesTheContainersNetworkAndMounts() throws Exception {
        Path resolver = Files.writeString(directory.resolve("resolv.conf"), "nameserver 192.0.2.1\n");
        try (TempNetns netns = TempNetns.create("standin")) {
            Spec.Builder spec = Spec.newBuilder()
                    .setLinux(network(netns))
                    .addMounts(Mount.newBuilder()
                            .setType("bind")
                            .setSource(resolver.toString())
                            .setDestination("/etc/hosts"));
            create("app", spec, "sleep", "infinity");
            start("app");
            exec("app", "probe", "sh", "-c", "cat /etc/hosts; readlink /proc/self/ns/net; exit 3");
            assertThat(output("app", "probe"))
                    .isEqualTo("nameserver 192.0.2.1\n" + netns.exec("readlink", "/proc/self/ns/net"));
            assertThat(status("app", "probe")).isEqualTo(3);
            assertThat(Files.readString(Path.of("/etc/hosts"))).doesNotContain("192.0.2.1");
            signal("app", "", 9);
            assertThat(status("app", "")).isEqualTo(128 + 9);
        }
    }

    @Test
    void thePauseContainerWaitsToBeKilledAndPrintsNothing() {
        create("sandbox", Spec.newBuilder(), "/pause");
        start("sandbox");
        signal("sandbox", "", 9);
        assertThat(status("sandbox", "")).isEqualTo(128 + 9);
        remove("sandbox");
        assertThatThrownBy(() -> remove("sandbox")).isInstanceOf(StatusRuntimeException.class);
    }

    @Test
    void removingAContainerEndsWhatRunsInIt() throws Exception {
        create("app", Spec.newBuilder(), "sh", "-c", "echo up; sleep infinity; true");
        start("app");
        assertThat(next("app")).isEqualTo("up");
        Set<ProcessHandle> tree = descendants();
        assertThat(tree).isNotEmpty();
        remove("app");
        for (ProcessHandle process : tree) {
            process.onExit().get(30, TimeUnit.SECONDS);
        }
        create("app", Spec.newBuilder(), "true");
    }

    @Test
    void mistakesAreToldInStatusCodes() {
        assertCode(Status.Code.NOT_FOUND, () -> start("nobody"));
        assertCode(Status.Code.NOT_FOUND, () -> signal("nobody", "", 9));
        create("app", Spec.newBuilder(), "/no/such/program");
        assertCode(Status.Code.ALREADY_EXISTS, () -> create("app", Spec.newBuilder(), "true"));
        assertCode(Status.Code.INTERNAL, () -> start("app"));
        create("empty", Spec.newBuilder());
        assertCode(Status.Code.INVALID_ARGUMENT, () -> start("empty"));
    }

    @Test
    void filesComeInPiecesAndOnlyBelowTheAgentsDirectory() throws Exception {
        Path file = directory.resolve("shared/hosts");
        copy(file, 0, "127.0.0.1 ", 19);
        assertThat(file).doesNotExist();
        copy(file, 10, "localhost", 19);
        assertThat(file).content().isEqualTo("127.0.0.1 localhost");
        copy(file, 0, "short", 5);
        assertThat(file).content().isEqualTo("short");
        assertThat(Files.getAttribute(file, "unix:mode")).isEqualTo(0100640);
        assertCode(Status.Code.INVALID_ARGUMENT, () -> copy(Path.of("/etc/passwd"), 0, "x", 1));
        assertCode(Status.Code.INVALID_ARGUMENT, () -> copy(directory.resolve("../x"), 0, "x", 1));
    }

    @Test
    void outOfMemoryEventsAreWaitedForUntilTheShimGoes() throws Exception {
        CompletableFuture<Object> event =
                CompletableFuture.supplyAsync(() -> stub.getOOMEvent(Empty.getDefaultInstance()), THREADS);
        create("app", Spec.newBuilder(), "true");
        start("app");
        assertThat(status("app", "")).isZero();
        assertThat(event).isNotDone();
        assertThat(HealthGrpc.newBlockingStub(other)
                        .check(CheckRequest.getDefaultInstance())
                        .getStatus())
                .isEqualTo(ServingStatus.SERVING);
    }

    private static Linux network(TempNetns netns) {
        return Linux.newBuilder()
                .addNamespaces(LinuxNamespace.newBuilder()
                        .setType("network")
                        .setPath(netns.path().toString()))
                .build();
    }

    private void create(String id, Spec.Builder spec, String... command) {
        if (command.length > 0) {
            spec.setProcess(Process.newBuilder().addAllArgs(List.of(command)));
        }
        stub.createContainer(CreateContainerRequest.newBuilder()
                .setContainerId(id)
                .setOCI(spec)
                .build());
    }

    private void start(String id) {
        stub.startContainer(
                StartContainerRequest.newBuilder().setContainerId(id).build());
    }

    private void exec(String id, String exec, String... command) {
        stub.execProcess(ExecProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(exec)
                .setProcess(Process.newBuilder().addAllArgs(List.of(command)))
                .build());
    }

    private String next(String id) {
        return stub.readStdout(read(id, "")).getData().toStringUtf8().strip();
    }

    private static Set<ProcessHandle> descendants() {
        return ProcessHandle.current().descendants().collect(Collectors.toSet());
    }

    private void remove(String id) {
        stub.removeContainer(
                RemoveContainerRequest.newBuilder().setContainerId(id).build());
    }

    private void signal(String id, String exec, int number) {
        stub.signalProcess(SignalProcessRequest.newBuilder()
                .setContainerId(id)
                .setExecId(exec)
                .setSignal(number)
                .build());
    }

    private int status(String id, String exec) {
        return stub.waitProcess(WaitProcessRequest.newBuilder()
                        .setContainerId(id)
                        .setExecId(exec)
                        .build())
                .getStatus();
    }

    private void copy(Path file, long offset, String data, long size) {
        stub.copyFile(CopyFileRequest.newBuilder()
                .setPath(file.toString())
                .setOffset(offset)
                .setFileSize(size)
                .setFileMode(0100640)
                .setData(ByteString.copyFromUtf8(data))
                .build());
    }

    private String output(String id, String exec) {
        StringBuilder text = new StringBuilder();
        try {
            while (true) {
                text.append(stub.readStdout(read(id, exec)).getData().toStringUtf8());
            }
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getDescription()).contains("eof");
            return text.toString();
        }
    }

    private String errors(String id, String exec) {
        StringBuilder text = new StringBuilder();
        try {
            while (true) {
                text.append(stub.readStderr(read(id, exec)).getData().toStringUtf8());
            }
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getDescription()).contains("eof");
            return text.toString();
        }
    }

    private static ReadStreamRequest read(String id, String exec) {
        return ReadStreamRequest.newBuilder()
                .setContainerId(id)
                .setExecId(exec)
                .setLen(32768)
                .build();
    }

    private static void assertCode(Status.Code code, Runnable call) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(code));
    }
}
