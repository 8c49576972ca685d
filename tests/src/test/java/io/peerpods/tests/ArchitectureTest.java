package io.peerpods.tests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
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
        // The emulated EC2 of tests and benchmarks.
        ARROWS.put("ec2", Set.of());
        ARROWS.put("network", Set.of("linux"));
        ARROWS.put("room", Set.of("linux", "ttrpc", "proto"));
        ARROWS.put("relay", Set.of("ttrpc", "proto", "linux"));
        ARROWS.put("cloud", Set.of("daemon"));
        ARROWS.put("cloud.local", Set.of("cloud", "room", "daemon", "linux"));
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

    private static final JavaClasses OURS = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.peerpods");

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
                .allowEmptyShould(true)
                .check(OURS);
    }

    /** The packages of a part; those of {@code cloud} end where a provider's begin. */
    private static String[] packagesOf(String part) {
        String name = "io.peerpods." + part;
        return part.equals("cloud") ? new String[] {name} : new String[] {name + ".."};
    }

    @Test
    void everyClassBelongsToAPart() {
        Set<String> strays = new TreeSet<>();
        OURS.forEach(type -> {
            String name = type.getPackageName();
            boolean known = ARROWS.keySet().stream()
                    .map(part -> "io.peerpods." + part)
                    .anyMatch(prefix -> name.equals(prefix) || name.startsWith(prefix + "."));
            if (!known && !name.startsWith("io.peerpods.tests") && !name.startsWith("io.peerpods.testing")) {
                strays.add(name);
            }
        });
        assertThat(strays).isEmpty();
    }

    @Test
    void packagesOfAPartHaveNoCycles() {
        slices().matching("io.peerpods.(linux|ttrpc|network|relay|room|adaptor|agent).(*)..")
                .should()
                .beFreeOfCycles()
                .allowEmptyShould(true)
                .check(OURS);
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
                .allowEmptyShould(true)
                .check(OURS);
    }
}
