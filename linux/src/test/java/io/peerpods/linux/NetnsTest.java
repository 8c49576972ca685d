package io.peerpods.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.peerpods.linux.sys.Child;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.StrayThreads;
import io.peerpods.testing.TempNetns;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@NeedsRoot
class NetnsTest {

    private static String current() throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net")).toString();
    }

    @Test
    void aNamedNamespaceLivesFromCreateToDelete() throws Exception {
        String name = TempNetns.uniqueName("ns");
        try (Netns made = Netns.create(name);
                Netns opened = Netns.open(Netns.NAMED.resolve(name))) {
            assertThat(opened.identity()).isEqualTo(made.identity());
            assertThat(Netns.Identity.parse(made.identity().toString())).isEqualTo(made.identity());
            assertThat(made.call(NetnsTest::current))
                    .contains("[" + made.identity().inode() + "]");
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> Netns.create(name))
                    .satisfies(e -> assertThat(e.isExisting()).isTrue());
        } finally {
            assertThat(Netns.delete(name)).isTrue();
        }
        assertThat(Netns.delete(name)).isFalse();
        assertThat(Netns.NAMED.resolve(name)).doesNotExist();
    }

    @Test
    void inAPlainDirectoryANamespaceCanBeRemovedAfterIpNetnsMadeAnother() throws Exception {
        inAPlainDirectory(PlainDirectory.class);
    }

    @Test
    void aNamespaceThatIsMountedTwiceIsRemovedAndItsNeighbourStays() throws Exception {
        inAPlainDirectory(MountedTwice.class);
    }

    private static void inAPlainDirectory(Class<?> main) throws Exception {
        Process child = new ProcessBuilder(
                        "unshare",
                        "--mount",
                        "--propagation",
                        "private",
                        "sh",
                        "-ec",
                        "mount -t tmpfs none /run; mkdir /run/netns; exec \"$0\" \"$@\"",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        main.getName())
                .redirectErrorStream(true)
                .start();
        String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor()).as(output).isZero();
    }

    /** Runs where {@code /run/netns} is no mount yet. */
    static final class PlainDirectory {
        private PlainDirectory() {}

        public static void main(String[] arguments) {
            Netns.create("ours").close();
            try (TempNetns other = TempNetns.create("theirs")) {
                assertThat(other.path()).exists();
                assertThat(Netns.delete("ours")).isTrue();
            }
            assertThat(Netns.NAMED).isEmptyDirectory();
        }
    }

    /** Runs where {@code /run/netns} is no mount yet, and mounts a namespace there as a program does that leaves it so. */
    static final class MountedTwice {
        private MountedTwice() {}

        public static void main(String[] arguments) throws IOException {
            Path ours = Files.createFile(Netns.NAMED.resolve("ours"));
            assertThat(Libc.mount("/proc/self/ns/net", ours.toString(), "none", Libc.MS_BIND))
                    .isZero();
            try (TempNetns other = TempNetns.create("theirs")) {
                // The first "ip netns add" has mounted the directory on itself, and ours once more.
                assertThat(Files.readAllLines(Path.of("/proc/self/mountinfo")))
                        .filteredOn(line -> line.contains(" " + ours + " "))
                        .hasSize(2);
                assertThat(Netns.delete("ours")).isTrue();
                assertThat(ours).doesNotExist();
                assertThat(Netns.exists(other.path())).isTrue();
            }
            assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain("/run/netns/");
        }
    }

    @Test
    void twoNamespacesAreTwo() {
        try (Netns one = Netns.anonymous();
                Netns other = Netns.anonymous();
                Netns own = Netns.current()) {
            assertThat(Set.of(one.identity(), other.identity(), own.identity())).hasSize(3);
        }
    }

    @Test
    void theFileThatACrashLeftBehindIsUsed() throws Exception {
        String name = TempNetns.uniqueName("half");
        Path file = Netns.NAMED.resolve(name);
        try (Netns first = Netns.anonymous()) { // sees to /run/netns itself
            assertThat(first.fd()).isPositive();
        }
        Netns.create(name).close();
        Netns.delete(name);
        Files.createFile(file);
        assertThat(Netns.exists(file)).isFalse();
        try (Netns made = Netns.create(name)) {
            assertThat(Netns.exists(file)).isTrue();
            assertThat(made.name()).isEqualTo(file.toString());
        } finally {
            Netns.delete(name);
        }
    }

    @Test
    void whatIsMissingOrNoNamespaceIsNamed() throws Exception {
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> Netns.open("/run/netns/ppt-none"))
                .withMessageContaining("/run/netns/ppt-none")
                .withMessageContaining("mount /run/netns")
                .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
        Path file = Files.createTempFile("ppt", "");
        try {
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> Netns.open(file))
                    .withMessageContaining("EINVAL");
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void noVirtualThreadEndsUpInAnotherNamespace() throws Exception {
        String home = current();
        try (Netns away = Netns.anonymous();
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> inside = IntStream.range(0, 100)
                    .mapToObj(_ -> threads.submit(() -> away.call(NetnsTest::current)))
                    .toList();
            for (Future<String> seen : inside) {
                assertThat(seen.get()).isNotEqualTo(home);
            }
            Set<String> outside = new HashSet<>();
            for (Future<String> seen : IntStream.range(0, 200)
                    .mapToObj(_ -> threads.submit(NetnsTest::current))
                    .toList()) {
                outside.add(seen.get());
            }
            assertThat(outside).containsExactly(home);
        }
        assertThat(StrayThreads.find()).isEmpty();
    }

    @Test
    void aChildRunsInside() throws Exception {
        try (Netns away = Netns.anonymous()) {
            Process child = new ProcessBuilder(away.command("readlink", "/proc/self/ns/net"))
                    .redirectErrorStream(true)
                    .start();
            assertThat(new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("[" + away.identity().inode() + "]");
            assertThat(child.waitFor()).isZero();
        }
    }

    @Test
    void aShortChildOfTheThreadLeavesNoThreadThere() {
        try (Netns away = Netns.anonymous()) {
            Child.Ended seen =
                    away.run(() -> Child.run(List.of("readlink", "/proc/self/ns/net"), "", Duration.ofMinutes(1)));
            assertThat(seen.isSuccess()).isTrue();
            assertThat(seen.output()).contains("[" + away.identity().inode() + "]");
        }
        assertThat(StrayThreads.find()).isEmpty();
    }

    @Test
    void aChildsInputOutputAndEndAreKnown() {
        Duration minute = Duration.ofMinutes(1);
        String long200k = "0123456789".repeat(20_000);
        assertThat(Child.run(List.of("cat"), "ü", minute).output()).isEqualTo("ü");
        assertThat(Child.run(List.of("wc", "-c"), long200k, minute).output().strip())
                .isEqualTo("200000");
        assertThat(Child.run(List.of("true"), long200k, minute).isSuccess()).isTrue();
        assertThat(Child.run(List.of("sh", "-c", "echo said >&2; exit 3"), "", minute))
                .isEqualTo(new Child.Ended(0, 3, false, "said\n"));
        assertThat(Child.run(List.of("/nowhere/nft"), "", minute).errno()).isEqualTo(Errno.ENOENT);
        Child.Ended killed = Child.run(List.of("sleep", "1000"), "", Duration.ofMillis(50));
        assertThat(killed.timedOut()).isTrue();
        assertThat(killed.exit()).isEqualTo(128 + 9);
    }

    @Test
    void blockedTasksPinNoCarrier() throws Exception {
        int callers = 4 * Runtime.getRuntime().availableProcessors();
        CountDownLatch release = new CountDownLatch(1);
        try (Netns away = Netns.anonymous();
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Boolean>> blocked = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                blocked.add(threads.submit(() -> away.call(() -> {
                    assertThat(Thread.currentThread().isVirtual()).isFalse();
                    return release.await(60, TimeUnit.SECONDS);
                })));
            }
            // With every carrier pinned this one would not run before the others' time is up.
            threads.submit(release::countDown).get();
            for (Future<Boolean> task : blocked) {
                assertThat(task.get()).isTrue();
            }
        }
    }

    @Test
    void aTasksOwnFailureComesOut() {
        try (Netns away = Netns.anonymous()) {
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> away.call(() -> {
                        throw new IOException("from inside");
                    }))
                    .withMessage("from inside");
        }
    }
}
