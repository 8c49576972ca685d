package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.aws.AwsType;
import io.peerpods.cloud.local.LocalType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The committed pages are the table's; {@code -Dpeerpods.update=true} writes them. */
class SettingsFilesTest {

    private static final List<CloudProviderType> TYPES = List.of(new AwsType(), new LocalType());
    private static final String UPDATE = "mvn test -pl adaptor -am -Dtest=SettingsFilesTest -Dpeerpods.update=true"
            + " -Dsurefire.failIfNoSpecifiedTests=false makes it again";

    private static Path root() {
        Path directory = Path.of("").toAbsolutePath();
        while (!Files.exists(directory.resolve("CONTRIBUTING.md"))) {
            directory = directory.resolveSibling("..").normalize();
        }
        return directory;
    }

    private static void hold(Path file, String wanted) throws IOException {
        if (Boolean.getBoolean("peerpods.update")) {
            Files.createDirectories(file.resolveSibling("."));
            Files.writeString(file, wanted);
        }
        assertThat(file).as(UPDATE).hasContent(wanted);
    }

    @Test
    void theConfigMapIsTheTables() throws IOException {
        hold(root().resolve("config/peer-pods-cm.yaml"), SettingsTable.configMap(TYPES));
    }

    @Test
    void theDocumentationIsTheTables() throws IOException {
        hold(root().resolve("docs/configuration.md"), SettingsTable.markdown(TYPES));
    }

    private static Map<String, String> template() {
        Map<String, String> environment = new HashMap<>();
        for (String line : SettingsTable.configMap(TYPES).lines().toList()) {
            if (line.matches(" {2}[A-Z][A-Z0-9_]*: \".*\"")) {
                int colon = line.indexOf(':');
                environment.put(line.substring(2, colon), line.substring(colon + 3, line.length() - 1));
            }
        }
        return environment;
    }

    @Test
    void theConfigMapsValuesMeanTheDefaults() throws Exception {
        Map<String, String> environment = template();
        assertThat(environment)
                .containsKeys(
                        "REMOTE_HYPERVISOR_ENDPOINT", "HOST_INTERFACE", "VXLAN_MIN_ID", "DISABLE_TLS", "AWS_PROFILE");
        for (CloudProviderType type : TYPES) {
            var line = SettingsTable.of(type);
            AdaptorConfig config = AdaptorConfig.of(line.parse(List.of(), environment));
            assertThat(config.warnings()).isEmpty();
            assertThat(config).usingRecursiveComparison().isEqualTo(AdaptorConfig.of(line.parse(List.of())));
        }
        assertThat(EnvironmentCheck.of(environment, TYPES)).isEmpty();
    }

    @Test
    void theOlderNameOfThePodsDirectoryCountsBesideTheConfigMapsTemplate() throws Exception {
        Map<String, String> environment = template();
        environment.put("PEER_PODS_DIR", "/run/elsewhere");
        assertThat(AdaptorConfig.of(SettingsTable.of(TYPES.getFirst()).parse(List.of(), environment))
                        .sandboxes()
                        .podsDirectory())
                .hasToString("/run/elsewhere");
    }

    @Test
    void theConfigMapHasNoKeyForTestsOfTheProgram() {
        assertThat(SettingsTable.configMap(TYPES)).doesNotContain("PEERPODS_CRASH_AT");
    }
}
