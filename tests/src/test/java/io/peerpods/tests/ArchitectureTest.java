package io.peerpods.tests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Holds the arrows between the modules, as docs/design/architecture.md states them. */
class ArchitectureTest {

    /** Each part's package, and what of ours it may use. */
    private static final Map<String, Set<String>> ARROWS = new LinkedHashMap<>();

    static {
        ARROWS.put("proto", Set.of());
        ARROWS.put("ttrpc", Set.of());
        ARROWS.put("linux", Set.of());
        ARROWS.put("daemon", Set.of());
        ARROWS.put("config", Set.of());
        // What tests, demo and benchmarks stand on: the emulated EC2, and the assertions about the kernel.
        ARROWS.put("ec2", Set.of());
        ARROWS.put("testing", Set.of("linux"));
        ARROWS.put("network", Set.of("linux"));
        ARROWS.put("vpc", Set.of("linux", "ttrpc", "proto"));
        ARROWS.put("relay", Set.of("ttrpc", "proto", "linux"));
        ARROWS.put("cloud", Set.of("daemon"));
        ARROWS.put("cloud.local", Set.of("cloud", "vpc", "daemon", "linux"));
        ARROWS.put("cloud.aws", Set.of("cloud", "daemon"));
        ARROWS.put(
                "adaptor",
                Set.of(
                        "cloud",
                        "cloud.local",
                        "cloud.aws",
                        "network",
                        "linux",
                        "config",
                        "relay",
                        "ttrpc",
                        "daemon",
                        "proto"));
        ARROWS.put("agent", Set.of("network", "linux", "config", "relay", "ttrpc", "daemon", "proto"));
    }

    /** The parts that may use everything: they are used by no other. */
    private static final Set<String> USERS = Set.of("tests", "bench");

    private static final Path TOP = Path.of("..").toAbsolutePath().normalize();

    private static final JavaClasses OURS = classes();

    /** The class files of every module, also of those that this one does not depend on. */
    private static JavaClasses classes() {
        ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
        return new ClassFileImporter()
                .importPaths(modules().stream()
                        .map(module -> module.resolve("target/classes"))
                        .toList());
    }

    /** Every directory whose sources, also those that are generated, are shipped or run by others. */
    private static List<Path> modules() {
        try (Stream<Path> directories = Files.walk(TOP, 2)) {
            return directories
                    .filter(directory -> Files.isRegularFile(directory.resolve("pom.xml"))
                            && Files.isDirectory(directory.resolve("src/main")))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @TestFactory
    List<DynamicTest> aPartUsesOnlyWhatTheArchitectureAllows() {
        return ARROWS.keySet().stream()
                .map(part -> DynamicTest.dynamicTest(part, () -> check(part)))
                .toList();
    }

    private static void check(String part) {
        Set<String> forbidden = new TreeSet<>(ARROWS.keySet());
        forbidden.removeAll(ARROWS.get(part));
        forbidden.remove(part);
        noClasses()
                .that()
                .resideInAnyPackage(packagesOf(part))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(forbidden.stream()
                        .flatMap(other -> Arrays.stream(packagesOf(other)))
                        .toArray(String[]::new))
                .check(OURS);
    }

    /** The packages of a part; those of {@code cloud} end where a provider's begin. */
    private static String[] packagesOf(String part) {
        String name = "io.peerpods." + part;
        return part.equals("cloud") ? new String[] {name} : new String[] {name + ".."};
    }

    @Test
    void everyPackageOfEveryModuleIsLookedAt() throws IOException {
        Set<String> sources = new TreeSet<>();
        for (Path module : modules()) {
            Path root = module.resolve("src/main/java");
            if (!Files.isDirectory(root)) {
                continue;
            }
            try (Stream<Path> files = Files.walk(root)) {
                files.filter(file -> file.toString().endsWith(".java"))
                        .map(file ->
                                root.relativize(file.getParent()).toString().replace('/', '.'))
                        .forEach(sources::add);
            }
        }
        assertThat(sources).hasSizeGreaterThan(40);
        assertThat(PackageCircles.of(OURS).packages()).containsAll(sources);
    }

    @Test
    void everyClassBelongsToAPart() {
        Set<String> strays = new TreeSet<>(PackageCircles.of(OURS).packages());
        strays.removeIf(name -> Stream.concat(ARROWS.keySet().stream(), USERS.stream())
                .map(part -> "io.peerpods." + part)
                .anyMatch(prefix -> name.equals(prefix) || name.startsWith(prefix + ".")));
        assertThat(strays).isEmpty();
    }

    @Test
    void theProductKnowsNothingOfItsTestsAndBenchmarks() {
        noClasses()
                .that()
                .resideInAnyPackage(ARROWS.keySet().stream()
                        .map(part -> "io.peerpods." + part + "..")
                        .toArray(String[]::new))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        USERS.stream().map(part -> "io.peerpods." + part + "..").toArray(String[]::new))
                .check(OURS);
    }

    @Test
    void noPackagesUseEachOtherInACircle() {
        assertThat(PackageCircles.of(OURS).all()).isEmpty();
    }

    /** systemd's notification socket is a unix datagram socket, which the JDK does not have; the daemons' base cannot use linux. */
    @Test
    void onlyLinuxAndTheNotificationOfSystemdCallNativeCode() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.peerpods.linux..")
                .and()
                .haveNameNotMatching("io\\.peerpods\\.daemon\\.SdNotify(\\$.*)?")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker")
                .check(OURS);
    }

    @Test
    void theAgentKnowsNoCloudAndNoKubernetes() {
        noClasses()
                .that()
                .resideInAPackage("io.peerpods.agent..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("software.amazon..", "io.fabric8..", "io.peerpods.cloud..")
                .check(OURS);
    }
}
