package io.peerpods.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.Netns;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The creator of a VPC is killed at some point; the next process removes everything, or goes on. */
@NeedsRoot
@NeedsProgram({"ip", "nft"})
class VpcCleanupTest {

    @TempDir
    Path parent;

    /** What must be there for the kill to happen. */
    enum Moment {
        VPC_WRITTEN,
        VPC_BEGUN,
        INTERNET_BEGUN,
        VM_WRITTEN,
        VM_NAMESPACE,
        FIRST_PROCESS,
        PROGRAMS,
        SECOND_VM,
        STOPPING;

        boolean isReached(Path vpc) {
            return switch (this) {
                case VPC_WRITTEN -> Files.exists(vpc.resolve("room.json"));
                case VPC_BEGUN -> namespaces(vpc).anyMatch(name -> name.endsWith("-vpc"));
                case INTERNET_BEGUN -> namespaces(vpc).anyMatch(name -> name.endsWith("-internet"));
                case VM_WRITTEN -> Files.exists(vpc.resolve("vms/vm0/vm.json"));
                case VM_NAMESPACE -> namespaces(vpc).anyMatch(name -> name.endsWith("-vm-vm0"));
                case FIRST_PROCESS -> Files.exists(vpc.resolve("vms/vm0/machine.log"));
                case PROGRAMS -> Files.exists(vpc.resolve("vms/vm0/greeter.log"));
                case SECOND_VM -> Files.exists(vpc.resolve("vms/vm1/vm.json"));
                case STOPPING -> Files.exists(vpc.resolve("vms/vm2/other.log"));
            };
        }
    }

    private static Stream<String> namespaces(Path vpc) {
        return new VpcFiles(vpc)
                .identity()
                .map(identity -> list(Netns.NAMED).filter(name -> name.startsWith(identity.prefix())))
                .orElse(Stream.empty());
    }

    private static Stream<String> list(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(path -> path.getFileName().toString()).toList().stream();
        } catch (IOException e) {
            return Stream.empty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsLeftOfAVpcWhoseCreatorWasKilled(Moment moment) throws Exception {
        Path vpc = parent.resolve("vpc");
        killAt(vpc, moment);
        String prefix = new VpcFiles(vpc).identity().orElseThrow().prefix();
        assertThat(LocalVpc.cleanup(vpc)).isNotEmpty();
        assertThat(vpc).doesNotExist();
        TestVpc.awaitNothingOf(prefix);
        TestVpc.await("no process of it lives", () -> processesOf(vpc).isEmpty());
        assertThat(LocalVpc.cleanup(vpc)).isEmpty();
    }

    @Test
    void vmsOutliveTheirCreatorAndAnotherGoesOn() throws Exception {
        Path directory = parent.resolve("vpc");
        killAt(directory, Moment.SECOND_VM);
        try (LocalVpc vpc = LocalVpc.open(directory, VpcSpec.DEFAULT)) {
            assertThat(vpc.isRunning("vm0")).isTrue();
            Vm again = vpc.startVm(VmRequest.of("vm1", "", VmImage.empty(), 0, 1));
            assertThat(again.booted()).isTrue();
            assertThat(vpc.isRunning("vm1")).isTrue();
            for (Vm vm : vpc.vms()) {
                vpc.stopVm(vm.id());
            }
            assertThat(vpc.vms()).isEmpty();
        } finally {
            LocalVpc.cleanup(directory);
        }
    }

    @Test
    void aRoomBelowAPlainDirectoryIsUsedAndRemovedWithWhatIsMountedTwice() throws Exception {
        Process child = new ProcessBuilder(
                        "unshare",
                        "--mount",
                        "--propagation",
                        "private",
                        "sh",
                        "-ec",
                        "mount -t tmpfs none /run; mkdir /run/netns; exec \"$0\" \"$@\"",
                        System.getProperty("java.home") + "/bin/java",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        PlainDirectoryMain.class.getName(),
                        parent.resolve("vpc").toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor()).as(output).isZero();
    }

    /** Runs where {@code /run/netns} is a plain directory. */
    static final class PlainDirectoryMain {
        private PlainDirectoryMain() {}

        public static void main(String[] args) throws Exception {
            Path directory = Path.of(args[0]);
            String prefix;
            try (LocalVpc vpc = LocalVpc.open(directory, TestVpc.SPEC)) {
                prefix = vpc.prefix();
                vpc.startVm(VmRequest.of("vm0", "", VmImage.empty(), 0, 1));
                vpc.startVm(VmRequest.of("vm1", "", VmImage.empty(), 0, 1));
                // What a VPC of an older version left: it did not share the directory, and "ip netns add" did so
                // later.
                require("mount", "--make-rprivate", "/run/netns");
                require("mount", "--rbind", "/run/netns", "/run/netns");
                require("mount", "--make-rshared", "/run/netns");
                vpc.stopVm("vm0");
                assertThat(vpc.vms()).extracting(Vm::id).containsExactly("vm1");
                assertThat(Netns.NAMED.resolve(prefix + "-vm-vm0")).doesNotExist();
            }
            assertThat(LocalVpc.cleanup(directory)).isNotEmpty();
            assertThat(directory).doesNotExist();
            assertThat(Netns.NAMED).isEmptyDirectory();
            assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain("/run/netns/");
        }

        private static void require(String... command) throws Exception {
            assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
                    .isZero();
        }
    }

    @Test
    void aDirectoryThatIsNoVpcStays() throws Exception {
        Path other = Files.writeString(parent.resolve("precious"), "x");
        assertThat(LocalVpc.cleanup(parent)).isEmpty();
        assertThat(other).exists();
        assertThat(LocalVpc.cleanup(parent.resolve("nowhere"))).isEmpty();
    }

    @Test
    void namespacesOfOthersStay() {
        try (TempNetns other = TempNetns.create("vpc");
                TestVpc test = TestVpc.asEc2()) {
            test.vm("one");
            test.vpc.close();
            LocalVpc.cleanup(test.directory());
            assertThat(other.path()).exists();
        }
    }

    /** Starts the creator and kills it as soon as it has come that far. */
    private static void killAt(Path vpc, Moment moment) throws IOException, InterruptedException {
        File log = vpc.resolveSibling("creator.log").toFile();
        Process creator = new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CreatorMain.class.getName(),
                        vpc.toString())
                .redirectErrorStream(true)
                .redirectOutput(log)
                .start();
        try {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!moment.isReached(vpc)) {
                assertThat(creator.isAlive()).as(Files.readString(log.toPath())).isTrue();
                assertThat(System.nanoTime()).as(moment.toString()).isLessThan(deadline);
                Thread.onSpinWait();
            }
        } finally {
            creator.destroyForcibly();
            creator.waitFor();
        }
    }

    /** Their consoles and mounts name the VPC's directory. */
    private static List<String> processesOf(Path vpc) {
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            return all.filter(path ->
                            Character.isDigit(path.getFileName().toString().charAt(0)))
                    .filter(path -> points(path.resolve("fd/1"), vpc) || points(path.resolve("fd/2"), vpc))
                    .map(Path::toString)
                    .sorted(Comparator.naturalOrder())
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static boolean points(Path link, Path vpc) {
        try {
            return Files.readSymbolicLink(link).toString().startsWith(vpc.toString());
        } catch (IOException e) {
            return false;
        }
    }
}
