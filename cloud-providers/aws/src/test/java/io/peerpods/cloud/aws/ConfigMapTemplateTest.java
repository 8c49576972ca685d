package io.peerpods.cloud.aws;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.config.AwsSettings;
import io.peerpods.daemon.CommandLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The shipped {@code config/peer-pods-cm.yaml} as the provider reads it. */
class ConfigMapTemplateTest {

    private static Map<String, String> template() throws IOException {
        Path directory = Path.of("").toAbsolutePath();
        while (!Files.exists(directory.resolve("CONTRIBUTING.md"))) {
            directory = directory.resolveSibling("..").normalize();
        }
        Map<String, String> environment = new HashMap<>();
        for (String line : Files.readAllLines(directory.resolve("config/peer-pods-cm.yaml"))) {
            if (line.matches(" {2}[A-Z][A-Z0-9_]*: \".*\"")) {
                int colon = line.indexOf(':');
                environment.put(line.substring(2, colon), line.substring(colon + 3, line.length() - 1));
            }
        }
        return environment;
    }

    private static AwsConfig config(Map<String, String> environment) throws Exception {
        return AwsConfig.of(new CommandLine(AwsSettings.ALL).parse(List.of(), environment));
    }

    @Test
    void theTemplateWithAnImageIsTheSameAsTheImageAlone() throws Exception {
        Map<String, String> image = Map.of("PODVM_AMI_ID", "ami-1");
        Map<String, String> filled = template();
        filled.putAll(image);
        assertThat(config(filled)).isEqualTo(config(image));
    }

    @Test
    void aLaunchTemplatesValuesWinOverTheShippedConfigMap() throws Exception {
        Map<String, String> filled = template();
        filled.putAll(Map.of("USE_PODVM_LAUNCHTEMPLATE", "true", "PODVM_LAUNCHTEMPLATE_NAME", "kata"));
        AwsConfig config = config(filled);
        assertThat(config.instanceTypeGiven()).isFalse();
        assertThat(config.rootVolumeGiven()).isFalse();
        assertThat(config.confidentialGiven()).isFalse();
    }
}
