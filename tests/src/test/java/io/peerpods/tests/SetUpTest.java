package io.peerpods.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What scripts/setup says and does on a machine that has nothing but bash: a directory tree, entered with chroot. */
@NeedsRoot
@NeedsProgram({"chroot", "ldd", "bash"})
@SuppressWarnings("NullAway.Init")
class SetUpTest {

    private static final Path SCRIPTS = Path.of("../scripts").toAbsolutePath().normalize();

    @TempDir
    Path machine;

    @BeforeEach
    void onlyBashIsThere() throws IOException {
        copy(Programs.find("bash").orElseThrow(), "bin/bash");
        for (String word :
                Programs.require("ldd", machine.resolve("bin/bash").toString()).split("\\s+", -1)) {
            if (word.startsWith("/")) {
                copy(Path.of(word), word.substring(1));
            }
        }
        copy(SCRIPTS.resolve("setup"), "peerpods/scripts/setup");
        copy(SCRIPTS.resolve("jdk25"), "peerpods/scripts/jdk25");
        Files.setPosixFilePermissions(machine, PosixFilePermissions.fromString("rwxr-xr-x"));
        write("dev/null", "");
        capabilities("000001ffffffffff");
    }

    @Test
    void anEmptyMachineIsToldEverythingThatIsMissing() throws Exception {
        Said said = setUp(Map.of(), "test");
        assertThat(said.exit()).isEqualTo(1);
        assertThat(said.text())
                .contains(
                        "a JDK 25",
                        "mvn (package maven)",
                        "unzip",
                        "ip (package iproute2)",
                        "tc",
                        "nft (package nftables)")
                .contains("ping", "go (package golang-go)", "python3", "losetup", "mkfs.ext4", "mkfs.xfs");
    }

    /** The list is made of what bash has built in; the quickest of some tries counts, for the machine may have other work. */
    @Test
    void theListComesWithinASecond() throws Exception {
        long quickest = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            long began = System.nanoTime();
            assertThat(setUp(Map.of(), "test").exit()).isEqualTo(1);
            quickest = Math.min(quickest, System.nanoTime() - began);
        }
        assertThat(Duration.ofNanos(quickest)).isLessThan(Duration.ofSeconds(1));
    }

    @Test
    void theDemoIsNotHeldUpByWhatOnlyTestsNeed() throws Exception {
        assertThat(setUp(Map.of(), "demo").text())
                .contains("nft (package nftables)")
                .doesNotContain("xfs", "golang", "python3");
    }

    /** Its training runs need nft, and a build must not find that out after minutes. */
    @Test
    void theDistributionsAreNotBegunWithoutNft() throws Exception {
        assertThat(setUp(Map.of(), "dist").text())
                .contains("nft (package nftables)")
                .doesNotContain("ping", "golang", "python3");
    }

    @Test
    void checkInstallsNothing() throws Exception {
        debian();
        jdk();
        Said said = setUp(Map.of("SETUP", "check"), "demo");
        assertThat(said.exit()).isEqualTo(1);
        assertThat(said.text()).contains("Install: apt-get install --no-install-recommends maven", "nftables");
        assertThat(machine.resolve("apt-get.calls")).doesNotExist();
        assertThat(machine.resolve("peerpods/target")).doesNotExist();
    }

    @Test
    void asRootOnDebianThePackagesAreInstalled() throws Exception {
        debian();
        jdk();
        Said said = setUp(Map.of(), "demo");
        assertThat(machine.resolve("apt-get.calls"))
                .content()
                .contains("update\n")
                .containsPattern("install .*nftables");
        assertThat(said.text()).contains("make demo: installing maven").contains("iproute2");
        // The stand-in for apt-get installs nothing, and that is not taken for success.
        assertThat(said.exit()).isEqualTo(1);
        assertThat(said.text()).contains("missing on this machine");
    }

    @Test
    void whatNoPackageBringsStopsBeforeAnythingIsInstalled() throws Exception {
        debian();
        Said said = setUp(Map.of(), "demo");
        assertThat(said.exit()).isEqualTo(1);
        assertThat(said.text()).contains("adoptium.net", "nft (package nftables)");
        assertThat(machine.resolve("apt-get.calls")).doesNotExist();
    }

    @Test
    void anOrdinaryUserIsToldTheCommand() throws Exception {
        debian();
        jdk();
        Said said = setUp(Map.of(), "--userspec=65534:65534", "demo");
        assertThat(said.exit()).isEqualTo(1);
        assertThat(said.text())
                .contains("needs root: sudo --preserve-env=JAVA_HOME make demo")
                .contains("Install: sudo apt-get install");
        assertThat(machine.resolve("apt-get.calls")).doesNotExist();
    }

    @Test
    void aContainersRootWithoutTheCapabilitiesIsToldSo() throws Exception {
        capabilities("00000000a80425fb");
        assertThat(setUp(Map.of(), "demo").text()).contains("CAP_SYS_ADMIN and CAP_NET_ADMIN", "--privileged");
    }

    @Test
    void onFedoraTheCommandIsPrinted() throws Exception {
        write("etc/os-release", "NAME=\"Fedora Linux\"\nID=fedora\n");
        Said said = setUp(Map.of(), "demo");
        assertThat(said.exit()).isEqualTo(1);
        assertThat(said.text()).contains("Install: dnf install maven", "iproute-tc", "java-25-openjdk-devel");
    }

    @Test
    void nothingIsMissingWhereTheseTestsRun() throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder("bash", SCRIPTS.resolve("setup").toString(), "demo");
        builder.environment().put("SETUP", "check");
        Said said = Said.by(builder);
        assertThat(said.text()).contains("nothing is missing");
        assertThat(said.exit()).isZero();
    }

    @Test
    void anEmulatedEc2WhosePythonIsGoneIsInstalledAgain() throws Exception {
        Path made = machine.resolve("peerpods/target/moto/.made");
        Path python = machine.resolve("peerpods/target/moto/bin/python3");
        program("stand-in/python3", """
                [ "$2" = venv ] || exit 0
                mkdir -p "$3/bin"
                printf '#!/bin/bash\\n' > "$3/bin/pip"
                cp "$3/bin/pip" "$3/bin/python3"
                chmod 755 "$3/bin/pip" "$3/bin/python3"
                """);
        ProcessBuilder builder = new ProcessBuilder(
                "bash", machine.resolve("peerpods/scripts/setup").toString(), "bench-aws");
        Map<String, String> variables = builder.environment();
        variables.remove("MOTO_SERVER");
        variables.merge("PATH", machine.resolve("stand-in").toString(), (path, first) -> first + ":" + path);
        assertThat(Said.by(builder).text()).contains("installing moto");
        assertThat(made).isNotEmptyFile();
        assertThat(Said.by(builder).text()).isEmpty();

        Files.delete(python);
        Files.createSymbolicLink(python, Path.of("/an/earlier/python3"));
        assertThat(Said.by(builder).text()).contains("installing moto");
        assertThat(python).isExecutable();
    }

    private Said setUp(Map<String, String> environment, String... words) throws Exception {
        List<String> command = Stream.of(
                        Stream.of(Programs.find("chroot").orElseThrow().toString()),
                        Stream.of(words).limit(words.length - 1L),
                        Stream.of(machine.toString(), "/bin/bash", "/peerpods/scripts/setup", words[words.length - 1]))
                .flatMap(part -> part)
                .toList();
        ProcessBuilder builder = new ProcessBuilder(command);
        Map<String, String> variables = builder.environment();
        variables.clear();
        variables.putAll(environment);
        variables.put("PATH", "/bin");
        return Said.by(builder);
    }

    /** Debian with an apt-get that only writes down how it was called. */
    private void debian() throws IOException {
        write("etc/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\n");
        program("bin/apt-get", "echo \"$*\" >> /apt-get.calls");
        program("bin/apt-cache", "exit 100");
        program("bin/mktemp", "echo /log");
        program("bin/rm", "exit 0");
        program("bin/cat", "exit 0");
    }

    private void jdk() throws IOException {
        write("usr/lib/jvm/jdk/release", "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"25.0.1\"\n");
        program("usr/lib/jvm/jdk/bin/javac", "exit 0");
        program("usr/lib/jvm/jdk/bin/jlink", "exit 0");
    }

    private void capabilities(String effective) throws IOException {
        write("proc/self/status", "Name:\tbash\nCapEff:\t" + effective + "\n");
    }

    private void program(String name, String script) throws IOException {
        write(name, "#!/bin/bash\n" + script + "\n");
        assertThat(machine.resolve(name).toFile().setExecutable(true, false)).isTrue();
    }

    private void write(String name, String text) throws IOException {
        Path file = machine.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private void copy(Path from, String name) throws IOException {
        Path to = machine.resolve(name);
        Files.createDirectories(to.getParent());
        Files.write(to, Files.readAllBytes(from));
        assertThat(to.toFile().setExecutable(true, false)).isTrue();
    }

    /** What the script printed, and its exit status. */
    private record Said(int exit, String text) {
        static Said by(ProcessBuilder builder) throws Exception {
            Process process = builder.redirectErrorStream(true).start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return new Said(process.exitValue(), text);
        }
    }
}
