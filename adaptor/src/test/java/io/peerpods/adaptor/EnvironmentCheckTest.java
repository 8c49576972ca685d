package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.aws.AwsType;
import io.peerpods.cloud.local.LocalType;
import io.peerpods.daemon.BadSettingException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EnvironmentCheckTest {

    private static final List<CloudProviderType> TYPES = List.of(new AwsType(), new LocalType());

    private static List<String> warnings(Map<String, String> environment) throws BadSettingException {
        return EnvironmentCheck.of(environment, TYPES);
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "True", "1", "true\n"})
    void secureCommsIsRefusedSinceNothingHereEncryptsSo(String value) {
        assertThatThrownBy(() -> warnings(Map.of("SECURE_COMMS", value)))
                .isInstanceOf(BadSettingException.class)
                .hasMessageContaining("SECURE_COMMS: \"" + value.strip() + "\" is refused")
                .hasMessageContaining("remove the key");
    }

    @Test
    void keysOfTheExistingSystemThatAreNotServedAreNamedInOneWarning() throws Exception {
        assertThat(warnings(Map.of(
                        "SECURE_COMMS", "false",
                        "PEERPODS_DEVELOPER_MODE", "true",
                        "AA_KBC_PARAMS", "cc_kbc::http://192.0.2.1:8080",
                        "CRI_RUNTIME_ENDPOINT", "/run/cri-runtime.sock",
                        "AZURE_REGION", "eastus",
                        "LIBVIRT_URI", "")))
                .singleElement()
                .asString()
                .contains("AA_KBC_PARAMS", "CRI_RUNTIME_ENDPOINT", "PEERPODS_DEVELOPER_MODE", "AZURE_REGION")
                .doesNotContain("LIBVIRT_URI", "192.0.2.1");
    }

    @Test
    void misspeltKeysAreNamedWithTheKeyThatWasMeant() throws Exception {
        assertThat(warnings(Map.of("PODVM_INSTANCETYPE", "m6a.large", "PATH", "/bin", "SECURE_COMM", "true")))
                .singleElement()
                .asString()
                .contains("PODVM_INSTANCETYPE (PODVM_INSTANCE_TYPE?)", "SECURE_COMM (SECURE_COMMS?)")
                .doesNotContain("PATH");
    }

    @Test
    void anOrdinaryContainersEnvironmentGivesNoWarning() throws Exception {
        assertThat(warnings(Map.of(
                        "PATH", "/bin",
                        "HOME", "/root",
                        "HOSTNAME", "worker",
                        "KUBERNETES_PORT", "tcp://10.96.0.1:443",
                        "KUBERNETES_SERVICE_HOST", "10.96.0.1",
                        "KUBERNETES_SERVICE_PORT_HTTPS", "443",
                        "AWS_ROLE_ARN", "arn:aws:iam::1:role/x",
                        "AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token",
                        "POD_IP", "10.244.0.2",
                        "CLOUD_PROVIDER", "aws")))
                .isEmpty();
    }
}
