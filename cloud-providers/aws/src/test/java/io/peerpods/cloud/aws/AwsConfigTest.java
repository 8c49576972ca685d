package io.peerpods.cloud.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.config.AwsSettings;
import io.peerpods.cloud.aws.config.CapacityType;
import io.peerpods.cloud.aws.ec2world.FlagSettings;
import io.peerpods.daemon.Setting;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class AwsConfigTest {

    private static AwsConfig config(Map<String, String> flags) throws CloudException {
        Map<String, String> all = new HashMap<>(Map.of("imageid", "ami-1"));
        all.putAll(flags);
        return AwsConfig.of(new FlagSettings(AwsSettings.ALL, all));
    }

    @Test
    void theDefaultsAreThoseOfExistingDeployments() throws Exception {
        AwsConfig config = config(Map.of());

        assertThat(config.instanceType()).isEqualTo("m6a.large");
        assertThat(config.instanceTypes()).isEmpty();
        assertThat(config.rootVolumeGib()).isEqualTo(30);
        assertThat(config.confidential()).isTrue();
        assertThat(config.publicIp()).isFalse();
        assertThat(config.template()).isEmpty();
        assertThat(config.capacity()).containsExactly(CapacityType.ON_DEMAND);
        assertThat(config.twoNic()).isEqualTo(AwsConfig.TwoNic.EIP);
        assertThat(config.keys()).isEmpty();
    }

    @Test
    void tagsAreReadInTheirOrder() throws Exception {
        assertThat(config(Map.of("tags", "b=1, a=x=y ,c=")).tags().entrySet())
                .containsExactly(Map.entry("b", "1"), Map.entry("a", "x=y"), Map.entry("c", ""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "imageid||PODVM_AMI_ID",
                "capacity-type|cheap|PODVM_CAPACITY_TYPE",
                "public-two-nic|maybe|AWS_PUBLIC_TWO_NIC",
                "root-volume-size|-1|ROOT_VOLUME_SIZE",
                "tags|novalue|TAGS",
                "tags|peerpods:node=x|TAGS",
                "aws-access-key-id|AKIA|AWS_SECRET_ACCESS_KEY",
                "aws-endpoint-url|ftp://x|AWS_ENDPOINT_URL",
                "aws-call-timeout|500ms|AWS_CALL_TIMEOUT",
            })
    void aBadValueNamesItsKey(String flag, String value, String key) {
        assertThatThrownBy(() -> config(Map.of(flag, value == null ? "" : value.replace("500ms", "0.5s"))))
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageContaining(key)
                .hasMessageContaining("must be");
    }

    @ParameterizedTest
    @ValueSource(strings = {"eu west 1", "../x", "eu-west-1\nx", "EU-WEST-1", "eu-west-1.evil.example", "-"})
    void aBadRegionNamesItsSetting(String region) {
        assertThatThrownBy(() -> config(Map.of("aws-region", region)))
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageContaining("-aws-region (AWS_REGION) is \"")
                .hasMessageContaining("must be the name of a region, such as eu-central-1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"eu-central-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "ap-southeast-7"})
    void theNamesOfRegionsAreAccepted(String region) throws Exception {
        assertThat(config(Map.of("aws-region", region)).region()).isEqualTo(region);
    }

    @Test
    void noSecretIsShown() throws Exception {
        AwsConfig config =
                config(Map.of("aws-access-key-id", "AKIAID", "aws-secret-key", "s3cr3t", "aws-session-token", "t0k3n"));

        assertThat(config.toString())
                .doesNotContain("AKIAID")
                .doesNotContain("s3cr3t")
                .doesNotContain("t0k3n");
        assertThat(AwsSettings.ALL.stream().filter(Setting::secret).map(Setting::key))
                .containsExactly("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN");
    }

    @Test
    void flagsAndKeysAreUnique() {
        assertThat(AwsSettings.ALL.stream().map(Setting::flag)).doesNotHaveDuplicates();
        assertThat(AwsSettings.ALL.stream().map(Setting::key)).doesNotHaveDuplicates();
        assertThat(AwsSettings.ALL.stream().map(Setting::key))
                .containsAll(List.of(
                        "AWS_REGION",
                        "PODVM_AMI_ID",
                        "PODVM_INSTANCE_TYPE",
                        "PODVM_INSTANCE_TYPES",
                        "AWS_SUBNET_ID",
                        "AWS_SG_IDS",
                        "SSH_KP_NAME",
                        "USE_PODVM_LAUNCHTEMPLATE",
                        "PODVM_LAUNCHTEMPLATE_NAME",
                        "USE_PUBLIC_IP",
                        "ROOT_VOLUME_SIZE",
                        "DISABLECVM",
                        "TAGS",
                        "AWS_SECONDARY_SUBNET_IDS",
                        "AWS_SECONDARY_SG_IDS",
                        "AWS_PUBLIC_TWO_NIC",
                        "PODVM_CAPACITY_TYPE"));
    }
}
