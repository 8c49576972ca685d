package io.peerpods.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.StatusRuntimeException;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.AgentServiceGrpc.AgentServiceBlockingStub;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.agent.ExecProcessRequest;
import io.peerpods.proto.agent.ReadStreamRequest;
import io.peerpods.proto.agent.SignalProcessRequest;
import io.peerpods.proto.agent.Spec;
import io.peerpods.proto.agent.StartContainerRequest;
import io.peerpods.proto.agent.WaitProcessRequest;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.ttrpc.TtrpcChannel;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.standin.StandInKataAgent;
import io.peerpods.vpc.vm.Processes;
import io.peerpods.vpc.vm.VmBoot;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import io.peerpods.vpc.vm.VmService;
import java.io.File;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs in a VM answer Ctrl-C and Ctrl-\, whatever the daemon that started the VM does with these signals. */
@NeedsRoot
@NeedsProgram({"ip", "nft", "env", "grep", "nsenter", "unshare"})
class VmSignalsTest {

    private static final int SIGINT = 2;
    private static final int SIGQUIT = 3;
    private static final String JAVA = System.getProperty("java.home") + "/bin/java";
    private static final String CLASS_PATH = System.getProperty("java.class.path");

    @TempDir
    Path parent;

    /** As a daemon that a shell starts with {@code &}: both signals are ignored, and children inherit that. */
    @Test
    void ctrlCEndsAProgramInAPodAlsoWhenTheDaemonWasStartedWithSigintAndSigquitIgnored() throws Exception {
        Process daemon = new ProcessBuilder(
                        "env",
                        "--ignore-signal=INT,QUIT",
                        JAVA,
                        // The JVM leaves the signals as it finds them.
                        "-Xrs",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        CLASS_PATH,
                        DaemonMain.class.getName(),
                        parent.resolve("vpc").toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(daemon.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(daemon.waitFor()).as(output).isZero();
    }

    /** A program whose output is its own status. */
    private static final List<String> STATUS = List.of("/bin/grep", "^Sig", "/proc/self/status");

    private static boolean ignores(String status, int signal) {
        String mask = status.lines()
                .filter(line -> line.startsWith("SigIgn:"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no SigIgn in: " + status))
                .substring("SigIgn:".length())
                .strip();
        return (Long.parseUnsignedLong(mask, 16) >> (signal - 1) & 1) == 1;
    }

    private static void assertBothEnd(String program, String status) {
        assertThat(ignores(status, SIGINT)).as(program + " ignores SIGINT").isFalse();
        assertThat(ignores(status, SIGQUIT)).as(program + " ignores SIGQUIT").isFalse();
    }

    /** Ignores both signals and starts a VM with two programs: one that tells its status, and the stand-in kata-agent. */
    static final class DaemonMain {
        private DaemonMain() {}

        public static void main(String[] args) throws Exception {
            String own = Files.readString(Path.of("/proc/self/status"));
            assertThat(ignores(own, SIGINT) && ignores(own, SIGQUIT))
                    .as("the daemon ignores both")
                    .isTrue();
            Path directory = Path.of(args[0]);
            VmImage image = new VmImage(List.of(new VmService("teller", STATUS, Map.of(), List.of()), agent()));
            try (LocalVpc vpc = LocalVpc.open(directory, TestVpc.SPEC)) {
                Vm vm = vpc.startVm(VmRequest.of("one", "", image, 0));
                TestVpc.await("its status is told", () -> console(vm, "teller").contains("SigCgt:"));
                assertBothEnd("a program of the VM", console(vm, "teller"));
                TestVpc.await(
                        "the agent listens", () -> console(vm, "kata-agent").contains("listening on"));
                long init = Processes.init(VmBoot.inode(vm.namespace()))
                        .orElseThrow()
                        .pid();
                Path socket = Path.of("/proc/" + init + "/root" + VmImage.KATA_SOCKET);
                try (TtrpcChannel channel = TtrpcChannel.connect(UnixDomainSocketAddress.of(socket))) {
                    requireCtrlC(AgentServiceGrpc.newBlockingStub(channel));
                }
            } finally {
                LocalVpc.cleanup(directory);
            }
        }

        private static VmService agent() {
            List<String> command =
                    List.of(JAVA, "-cp", CLASS_PATH, StandInKataAgent.class.getName(), VmImage.KATA_SOCKET.toString());
            List<Path> files = Stream.of(CLASS_PATH.split(File.pathSeparator))
                    .map(Path::of)
                    .filter(Files::exists)
                    .toList();
            return new VmService("kata-agent", command, Map.of(), files);
        }

        private static void requireCtrlC(AgentServiceBlockingStub agent) {
            agent.createSandbox(
                    CreateSandboxRequest.newBuilder().setSandboxId("sandbox").build());
            agent.createContainer(CreateContainerRequest.newBuilder()
                    .setContainerId("app")
                    .setOCI(Spec.newBuilder().setProcess(process("sleep", "infinity")))
                    .build());
            agent.startContainer(
                    StartContainerRequest.newBuilder().setContainerId("app").build());
            exec(agent, "status", STATUS.toArray(String[]::new));
            assertBothEnd("a process of a container", output(agent, "status"));
            exec(agent, "sleeper", "sh", "-c", "echo up; exec sleep infinity");
            assertThat(read(agent, "sleeper")).isEqualTo("up\n");
            agent.signalProcess(SignalProcessRequest.newBuilder()
                    .setContainerId("app")
                    .setExecId("sleeper")
                    .setSignal(SIGINT)
                    .build());
            assertThat(agent.waitProcess(WaitProcessRequest.newBuilder()
                                    .setContainerId("app")
                                    .setExecId("sleeper")
                                    .build())
                            .getStatus())
                    .isEqualTo(128 + SIGINT);
        }

        private static io.peerpods.proto.agent.Process process(String... command) {
            return io.peerpods.proto.agent.Process.newBuilder()
                    .addAllArgs(List.of(command))
                    .build();
        }

        private static void exec(AgentServiceBlockingStub agent, String exec, String... command) {
            agent.execProcess(ExecProcessRequest.newBuilder()
                    .setContainerId("app")
                    .setExecId(exec)
                    .setProcess(process(command))
                    .build());
        }

        private static String output(AgentServiceBlockingStub agent, String exec) {
            StringBuilder text = new StringBuilder();
            try {
                while (true) {
                    text.append(read(agent, exec));
                }
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getDescription()).contains("eof");
                return text.toString();
            }
        }

        private static String read(AgentServiceBlockingStub agent, String exec) {
            return agent.readStdout(ReadStreamRequest.newBuilder()
                            .setContainerId("app")
                            .setExecId(exec)
                            .setLen(4096)
                            .build())
                    .getData()
                    .toStringUtf8();
        }

        private static String console(Vm vm, String program) {
            try {
                return Files.readString(vm.console(program));
            } catch (IOException e) {
                return "";
            }
        }
    }
}
