package io.peerpods.room;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.Netns;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
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

/** The creator of a room is killed at some point; whoever comes after removes everything, or goes on. */
@NeedsRoot
@NeedsProgram({"ip", "nft"})
class RoomCleanupTest {

    @TempDir
    Path parent;

    /** What must be there for the kill to happen. */
    enum Moment {
        ROOM_WRITTEN,
        VPC_BEGUN,
        INTERNET_BEGUN,
        VM_WRITTEN,
        VM_NAMESPACE,
        FIRST_PROCESS,
        PROGRAMS,
        SECOND_VM,
        STOPPING;

        boolean isReached(Path room) {
            return switch (this) {
                case ROOM_WRITTEN -> Files.exists(room.resolve("room.json"));
                case VPC_BEGUN -> namespaces(room).anyMatch(name -> name.endsWith("-vpc"));
                case INTERNET_BEGUN -> namespaces(room).anyMatch(name -> name.endsWith("-internet"));
                case VM_WRITTEN -> Files.exists(room.resolve("vms/vm0/vm.json"));
                case VM_NAMESPACE -> namespaces(room).anyMatch(name -> name.endsWith("-vm-vm0"));
                case FIRST_PROCESS -> Files.exists(room.resolve("vms/vm0/machine.log"));
                case PROGRAMS -> Files.exists(room.resolve("vms/vm0/greeter.log"));
                case SECOND_VM -> Files.exists(room.resolve("vms/vm1/vm.json"));
                case STOPPING -> Files.exists(room.resolve("vms/vm2/other.log"));
            };
        }
    }

    private static Stream<String> namespaces(Path room) {
        return new RoomFiles(room)
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
    void nothingIsLeftOfARoomWhoseCreatorWasKilled(Moment moment) throws Exception {
        Path room = parent.resolve("room");
        killAt(room, moment);
        String prefix = new RoomFiles(room).identity().orElseThrow().prefix();
        assertThat(Room.cleanup(room)).isNotEmpty();
        assertThat(room).doesNotExist();
        TestRoom.awaitNothingOf(prefix);
        TestRoom.await("no process of it lives", () -> processesOf(room).isEmpty());
        assertThat(Room.cleanup(room)).isEmpty();
    }

    @Test
    void vmsOutliveTheirCreatorAndAnotherGoesOn() throws Exception {
        Path directory = parent.resolve("room");
        killAt(directory, Moment.SECOND_VM);
        try (Room room = Room.open(directory, RoomSpec.DEFAULT)) {
            assertThat(room.isRunning("vm0")).isTrue();
            Vm again = room.startVm(VmRequest.of("vm1", "", VmImage.empty(), 0, 1));
            assertThat(again.booted()).isTrue();
            assertThat(room.isRunning("vm1")).isTrue();
            for (Vm vm : room.vms()) {
                room.stopVm(vm.id());
            }
            assertThat(room.vms()).isEmpty();
        } finally {
            Room.cleanup(directory);
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
                        parent.resolve("room").toString())
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
            try (Room room = Room.open(directory, TestRoom.SPEC)) {
                prefix = room.prefix();
                room.startVm(VmRequest.of("vm0", "", VmImage.empty(), 0, 1));
                room.startVm(VmRequest.of("vm1", "", VmImage.empty(), 0, 1));
                // What a room of an older version left: it did not share the directory, and "ip netns add" did so
                // later.
                require("mount", "--make-rprivate", "/run/netns");
                require("mount", "--rbind", "/run/netns", "/run/netns");
                require("mount", "--make-rshared", "/run/netns");
                room.stopVm("vm0");
                assertThat(room.vms()).extracting(Vm::id).containsExactly("vm1");
                assertThat(Netns.NAMED.resolve(prefix + "-vm-vm0")).doesNotExist();
            }
            assertThat(Room.cleanup(directory)).isNotEmpty();
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
    void aDirectoryThatIsNoRoomStays() throws Exception {
        Path other = Files.writeString(parent.resolve("precious"), "x");
        assertThat(Room.cleanup(parent)).isEmpty();
        assertThat(other).exists();
        assertThat(Room.cleanup(parent.resolve("nowhere"))).isEmpty();
    }

    @Test
    void namespacesOfOthersStay() {
        try (TempNetns other = TempNetns.create("room");
                TestRoom test = TestRoom.asEc2()) {
            test.vm("one");
            test.room.close();
            Room.cleanup(test.directory());
            assertThat(other.path()).exists();
        }
    }

    /** Starts the creator and kills it as soon as it has come that far. */
    private static void killAt(Path room, Moment moment) throws IOException, InterruptedException {
        File log = room.resolveSibling("creator.log").toFile();
        Process creator = new ProcessBuilder(
                        System.getProperty("java.home") + "/bin/java",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        CreatorMain.class.getName(),
                        room.toString())
                .redirectErrorStream(true)
                .redirectOutput(log)
                .start();
        try {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!moment.isReached(room)) {
                assertThat(creator.isAlive()).as(Files.readString(log.toPath())).isTrue();
                assertThat(System.nanoTime()).as(moment.toString()).isLessThan(deadline);
                Thread.onSpinWait();
            }
        } finally {
            creator.destroyForcibly();
            creator.waitFor();
        }
    }

    /** Their consoles and mounts name the room's directory. */
    private static List<String> processesOf(Path room) {
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            return all.filter(path ->
                            Character.isDigit(path.getFileName().toString().charAt(0)))
                    .filter(path -> points(path.resolve("fd/1"), room) || points(path.resolve("fd/2"), room))
                    .map(Path::toString)
                    .sorted(Comparator.naturalOrder())
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static boolean points(Path link, Path room) {
        try {
            return Files.readSymbolicLink(link).toString().startsWith(room.toString());
        } catch (IOException e) {
            return false;
        }
    }
}
