package io.peerpods.cloud.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.cloud.Worker;
import io.peerpods.daemon.CommandLine;
import io.peerpods.daemon.Settings;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import io.peerpods.vpc.LocalVpc;
import io.peerpods.vpc.model.Vm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NeedsRoot
@NeedsProgram({"ip", "nft", "unshare", "nsenter"})
class LocalCloudTest {

    private static final LocalType TYPE = new LocalType();

    @TempDir
    Path directory;

    /** The adaptor's memory of a launch, in memory. */
    private static final class Memory implements LaunchLog {
        private @Nullable String text;

        @Override
        public Optional<String> last() {
            return Optional.ofNullable(text);
        }

        @Override
        public void write(String fresh) {
            text = fresh;
        }
    }

    @Test
    void aVmWhoseProcessesWereKilledHasEnded() throws Exception {
        try (CloudProvider cloud = open()) {
            PodVm vm = cloud.launch(spec("s1", false), new Memory());
            assertThat(cloud.ended(vm)).isEmpty();
            try (LocalVpc vpc = vpc()) {
                Path namespace = vpc.vm(vm.id()).orElseThrow().namespace();
                Programs.require("ip", "netns", "pids", String.valueOf(namespace.getFileName()))
                        .lines()
                        .map(Long::valueOf)
                        .flatMap(pid -> ProcessHandle.of(pid).stream())
                        .forEach(ProcessHandle::destroyForcibly);
            }
            long deadline = System.nanoTime() + 60_000_000_000L;
            while (cloud.ended(vm).isEmpty()) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                Thread.sleep(10);
            }
            assertThat(cloud.ended(vm))
                    .hasValueSatisfying(why -> assertThat(why).contains(vm.id()));
        }
    }

    @BeforeEach
    void makeDistribution() throws Exception {
        Path launcher = directory.resolve("podvm-agent/bin/podvm-agent");
        Files.createDirectories(launcher.getParent());
        Files.writeString(launcher, "#!/bin/sh\necho \"agent $*\"\nexec sleep infinity\n");
        Files.setAttribute(launcher, "unix:mode", 0755);
    }

    @AfterEach
    void removeTheVpc() throws Exception {
        if (!LocalVpc.exists(directory.resolve("vpc"))) {
            return;
        }
        String prefix;
        try (LocalVpc vpc = vpc()) {
            prefix = vpc.prefix();
        }
        TYPE.cleanup(settings());
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (KernelInventory.take().items().stream().anyMatch(item -> item.contains(prefix))) {
            assertThat(System.nanoTime())
                    .as("something of " + prefix + " is left")
                    .isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    private Settings settings(String... more) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(
                "-local-room=" + directory.resolve("vpc"),
                "-local-subnets=10.197.0.0/20,10.197.16.0/24",
                "-local-worker-address=10.197.0.10",
                "-podvm-agent=" + directory.resolve("podvm-agent"),
                // A program that any machine has; the stand-in would need its own half second each time.
                "-kata-agent=/bin/true"));
        arguments.addAll(List.of(more));
        return new CommandLine(TYPE.settings()).parse(arguments);
    }

    private Worker worker(String node) {
        return new Worker("cluster", node, directory, true, 15150, 4789);
    }

    private CloudProvider open(String... more) throws Exception {
        return TYPE.open(settings(more), worker("node"));
    }

    private static LaunchSpec spec(String sandbox, boolean external) {
        return new LaunchSpec(
                SandboxId.parse(sandbox),
                "pod",
                "default",
                "podvm-pod-" + sandbox,
                "#cloud-config\n",
                external,
                "",
                0,
                0,
                0,
                "",
                "",
                List.of());
    }

    private LocalVpc vpc() {
        return LocalVpc.open(directory.resolve("vpc"), io.peerpods.vpc.model.VpcSpec.DEFAULT);
    }

    @Test
    void aVmWhoseNamespaceCannotBeRemovedStaysOwnedAndTheNextTryDeletesIt() throws Exception {
        Memory log = new Memory();
        try (CloudProvider cloud = open()) {
            PodVm vm = cloud.launch(spec("s1", false), log);
            Path namespace;
            try (LocalVpc vpc = vpc()) {
                namespace = vpc.vm(vm.id()).orElseThrow().namespace();
            }
            cloud.delete(SandboxId.parse("s1"), log);
            // A directory with something in it can neither become the namespace nor be removed as one.
            Path obstacle = Files.createDirectories(namespace.resolve("obstacle"));
            assertThatThrownBy(() -> cloud.launch(spec("s1", false), log)).isInstanceOf(CloudException.class);
            assertThatThrownBy(() -> cloud.delete(SandboxId.parse("s1"), log))
                    .isInstanceOf(CloudException.Unavailable.class)
                    .hasMessageContaining(namespace.toString());
            assertThat(cloud.owned()).extracting(OwnedVm::id).containsExactly(vm.id());
            Files.delete(obstacle);
            cloud.delete(SandboxId.parse("s1"), log);
            assertThat(cloud.owned()).isEmpty();
            assertThat(namespace).doesNotExist();
        }
    }

    @Test
    void aLaunchIsFoundAgainAndDeletedForGood() throws Exception {
        Memory log = new Memory();
        try (CloudProvider cloud = open()) {
            PodVm vm = cloud.launch(spec("s1", true), log);
            assertThat(vm.id()).startsWith("local-");
            assertThat(vm.agent().getHostAddress()).startsWith("10.197.");
            assertThat(log.last()).isPresent();
            assertThat(cloud.launch(spec("s1", true), log)).isEqualTo(vm);
            assertThat(cloud.owned()).containsExactly(new OwnedVm(vm.id(), SandboxId.parse("s1")));
            cloud.delete(SandboxId.parse("s1"), log);
            cloud.delete(SandboxId.parse("s1"), log);
            cloud.delete(SandboxId.parse("never"), new Memory());
            assertThat(cloud.owned()).isEmpty();
        }
    }

    @Test
    void aVmHasTheWantedNicsAndRunsTheAgentWithItsFlags() throws Exception {
        try (CloudProvider cloud = open("-podvm-agent-flags=-log-level=debug")) {
            PodVm one = cloud.launch(spec("s1", true), new Memory());
            PodVm two = cloud.launch(spec("s2", false), new Memory());
            try (LocalVpc vpc = vpc()) {
                Vm external = vpc.vm(one.id()).orElseThrow();
                assertThat(external.nics()).hasSize(2);
                assertThat(external.hostname()).isEqualTo("podvm-pod-s1");
                assertThat(external.userData()).isEqualTo("#cloud-config\n");
                assertThat(vpc.vm(two.id()).orElseThrow().nics()).hasSize(1);
                long deadline = System.nanoTime() + 30_000_000_000L;
                String expected = "agent -user-data=aws -listen=0.0.0.0:15150 -log-level=debug";
                while (!Files.readString(external.console("podvm-agent")).contains(expected)) {
                    assertThat(System.nanoTime()).isLessThan(deadline);
                    Thread.sleep(10);
                }
            }
        }
    }

    @Test
    void vmsOutliveTheProviderAndBelongToTheirWorkerOnly() throws Exception {
        Memory log = new Memory();
        PodVm vm;
        try (CloudProvider cloud = open()) {
            vm = cloud.launch(spec("s1", false), log);
        }
        try (CloudProvider other = TYPE.open(settings(), worker("other-node"))) {
            assertThat(other.owned()).isEmpty();
        }
        try (CloudProvider again = open();
                LocalVpc vpc = vpc()) {
            assertThat(vpc.isRunning(vm.id())).isTrue();
            assertThat(again.owned()).containsExactly(new OwnedVm(vm.id(), SandboxId.parse("s1")));
            // As an orphan: the adaptor has lost its memory of the launch.
            again.delete(SandboxId.parse("s1"), new Memory());
            assertThat(again.owned()).isEmpty();
        }
    }

    @Test
    void whatCannotWorkIsRefusedBeforeAnythingIsMade() throws Exception {
        Memory log = new Memory();
        try (CloudProvider cloud = open()) {
            LaunchSpec small = spec("s1", false);
            LaunchSpec withVolume = new LaunchSpec(
                    SandboxId.parse("s1"),
                    "pod",
                    "default",
                    "name",
                    "",
                    false,
                    "",
                    0,
                    0,
                    0,
                    "",
                    "",
                    List.of(new VolumeSpec("vol-0", "vol-1", Map.of())));
            assertThatThrownBy(() -> cloud.launch(withVolume, log)).isInstanceOf(CloudException.InvalidRequest.class);
            LaunchSpec large = new LaunchSpec(
                    SandboxId.parse("s1"),
                    "pod",
                    "default",
                    "name",
                    "x".repeat(16 * 1024 + 1),
                    false,
                    "",
                    0,
                    0,
                    0,
                    "",
                    "",
                    List.of());
            assertThatThrownBy(() -> cloud.launch(large, log))
                    .isInstanceOf(CloudException.InvalidRequest.class)
                    .hasMessageContaining("user-data");
            Files.delete(directory.resolve("podvm-agent/bin/podvm-agent"));
            assertThatThrownBy(() -> cloud.launch(small, log))
                    .isInstanceOf(CloudException.InvalidRequest.class)
                    .hasMessageContaining("make dist");
            assertThat(log.last()).isEmpty();
            assertThat(cloud.check())
                    .anyMatch(finding -> finding.level() == Finding.Level.ERROR
                            && finding.what().equals("podvm-agent"));
        }
    }

    @Test
    void theCheckLooksAtProgramsAgentAndWorker() throws Exception {
        try (CloudProvider cloud = open()) {
            assertThat(cloud.check()).noneMatch(finding -> finding.level() == Finding.Level.ERROR);
            assertThat(cloud.check()).anyMatch(finding -> finding.detail().contains("10.197.0.10"));
        }
    }

    @Test
    void aRoomThatCannotBeOpenedFailsTheLaunchAndTheNextOneTriesAgain() throws Exception {
        Path inTheWay = Files.writeString(directory.resolve("vpc"), "no directory");
        try (CloudProvider cloud = open()) {
            assertThatThrownBy(() -> cloud.launch(spec("s1", false), new Memory()))
                    .isInstanceOf(CloudException.Unavailable.class)
                    .hasMessageContaining("the local VPC cannot be opened");
            assertThat(cloud.check()).anyMatch(finding -> finding.level() == Finding.Level.ERROR);
            Files.delete(inTheWay);
            long deadline = System.nanoTime() + 60_000_000_000L;
            while (true) {
                try {
                    assertThat(cloud.launch(spec("s1", false), new Memory()).id())
                            .startsWith("local-");
                    break;
                } catch (CloudException.Unavailable e) {
                    // The attempt that was under way when the file went.
                    assertThat(System.nanoTime()).isLessThan(deadline);
                }
            }
        }
    }

    @Test
    void aVmHasTheFilesAndServicesOfItsImageDirectoryAndCgroupsAndDevicesOfItsOwn() throws Exception {
        Path image = directory.resolve("image");
        Files.createDirectories(image.resolve("run/bundle"));
        Files.writeString(image.resolve("run/bundle/config.json"), "{}");
        Files.createDirectory(image.resolve("services"));
        program(
                image.resolve("services/data-hub"),
                "cat /run/bundle/config.json; stat -c %a /run; exec sleep infinity");
        Path groups = program(
                image.resolve("services/groups"),
                "cut -d: -f3 /proc/self/cgroup | sort -u; cd /sys/fs/cgroup/*pids* 2>/dev/null || cd /sys/fs/cgroup;"
                        + " mkdir made && echo $$ > made/cgroup.procs && echo joined;"
                        + " find /dev -type b; echo to null > /dev/null; exec sleep infinity");
        Files.writeString(image.resolve("agent-config.toml"), "server_addr = \"x\"\n");
        Path agent = program(
                directory.resolve("kata-agent"),
                "echo \"agent $*\"; touch /run/kata-containers/agent.sock && echo writable; exec sleep infinity");
        try (CloudProvider cloud = open("-local-image=" + image, "-kata-agent=" + agent)) {
            Vm vm = launched(cloud, "s1");
            awaitConsole(vm, "data-hub", "{}755\n");
            awaitConsole(vm, "groups", "/\njoined\n");
            awaitConsole(vm, "kata-agent", "agent --config " + image + "/agent-config.toml\nwritable\n");
            String name = String.valueOf(vm.namespace().getFileName());
            assertThat(cgroups(name)).as("cgroups of the VM").isNotEmpty();
            cloud.delete(SandboxId.parse("s1"), new Memory());
            assertThat(cgroups(name)).as("cgroups of the VM").isEmpty();
            assertThat(groups).exists();
        }
    }

    /** The provider makes the VPC: it is there after the launch. */
    private Vm launched(CloudProvider cloud, String sandbox) throws Exception {
        String id = cloud.launch(spec(sandbox, false), new Memory()).id();
        try (LocalVpc vpc = vpc()) {
            return vpc.vm(id).orElseThrow();
        }
    }

    private static Path program(Path file, String script) throws Exception {
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        Files.setAttribute(file, "unix:mode", 0755);
        return file;
    }

    private static void awaitConsole(Vm vm, String service, String text) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!Files.exists(vm.console(service))
                || !Files.readString(vm.console(service)).equals(text)) {
            assertThat(System.nanoTime())
                    .as("console of " + service + " is not " + text + " but "
                            + (Files.exists(vm.console(service)) ? Files.readString(vm.console(service)) : "absent"))
                    .isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    private static List<String> cgroups(String name) {
        return Programs.run("find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", name)
                .output()
                .lines()
                .toList();
    }

    @Test
    void badImageDirectoriesAreRefusedWithWhatIsWrongInThem() throws Exception {
        assertRefused("-local-image", "-local-image=/no/such/directory");
        Path image = Files.createDirectories(directory.resolve("image/services"));
        Path plain = Files.writeString(image.resolve("plain"), "");
        assertRefused("-local-image", "-local-image=" + directory.resolve("image"), plain + " is not a program");
        Files.setAttribute(plain, "unix:mode", 0755);
        for (int i = 0; i < 5; i++) {
            program(image.resolve("more-" + i), "true");
        }
        assertRefused("-local-image", "-local-image=" + directory.resolve("image"), "at most 5");
        Files.move(image, directory.resolve("image/servces"));
        assertRefused("-local-image", "-local-image=" + directory.resolve("image"), "services/");
        Files.move(directory.resolve("image/servces"), directory.resolve("elsewhere"));
        Files.writeString(directory.resolve("image/agent-config.toml"), "");
        assertRefused(
                "-local-image",
                "-local-image=" + directory.resolve("image"),
                "-kata-agent (LOCAL_KATA_AGENT)",
                "-kata-agent=");
    }

    private void assertRefused(String flag, String argument, String why, String... more) {
        String[] all = java.util.stream.Stream.concat(
                        java.util.stream.Stream.of(argument), java.util.stream.Stream.of(more))
                .toArray(String[]::new);
        assertThatThrownBy(() -> open(all).close())
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageStartingWith(flag + " (LOCAL_")
                .hasMessageContaining(why);
    }

    @Test
    void badSettingsNameTheFlagAndItsKey() {
        assertRefused("-local-subnets", "-local-subnets=10.0.0.0/30");
        assertRefused("-local-subnets", "-local-mtu=100");
        assertRefused("-local-worker-address", "-local-worker-address=10.9.9.9");
        assertRefused("-local-worker-address", "-local-worker-address=host");
        assertRefused("-local-second-nic", "-local-second-nic=soon");
        assertRefused("-kata-agent", "-kata-agent=/no/such/agent");
        assertRefused("-local-room", "-local-room=here");
    }

    private void assertRefused(String flag, String argument) {
        assertThatThrownBy(() -> open(argument).close())
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageStartingWith(flag + " (LOCAL_");
    }

    @Test
    void cleanupRemovesEverythingAndIsRepeatable() throws Exception {
        try (CloudProvider cloud = open()) {
            cloud.launch(spec("s1", true), new Memory());
        }
        assertThat(TYPE.wantsCleanup(settings("-cleanup"))).isTrue();
        assertThat(TYPE.cleanup(settings())).isNotEmpty();
        assertThat(TYPE.cleanup(settings())).isEmpty();
        assertThat(directory.resolve("vpc")).doesNotExist();
    }
}
