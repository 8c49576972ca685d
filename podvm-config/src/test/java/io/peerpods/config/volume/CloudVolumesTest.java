package io.peerpods.config.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import io.peerpods.config.ConfigException;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CloudVolumesTest {

    private static final String GOOD =
            "\"lun\":\"0\",\"disk_id\":\"vol-0123456789abcdef0\",\"mount_point\":\"/data\",\"fs_type\":\"ext4\"";

    @Test
    void whatIsWrittenIsReadAgain() throws Exception {
        List<CloudVolume> volumes = List.of(
                new CloudVolume(0, "vol-0aaaaaaa", "/data", "ext4", false, List.of(), "", "", ""),
                new CloudVolume(
                        2,
                        "vol-0bbbbbbb",
                        "/more data",
                        "xfs",
                        true,
                        List.of("noatime", "nouuid"),
                        "1000",
                        "luks2",
                        "default/key/1"));
        String json = CloudVolumes.toJson(volumes);
        assertThat(CloudVolumes.parse(json)).isEqualTo(volumes);
        assertThat(JsonParser.parseString(json)).isEqualTo(JsonParser.parseString("""
                {"vol-0": {"mount_point": "/data", "fs_type": "ext4", "lun": "0", "disk_id": "vol-0aaaaaaa",
                           "readonly": false},
                 "vol-2": {"mount_point": "/more data", "fs_type": "xfs", "lun": "2", "disk_id": "vol-0bbbbbbb",
                           "readonly": true, "options": ["noatime", "nouuid"], "fs_group": "1000",
                           "encrypt_type": "luks2", "key_id": "default/key/1"}}"""));
    }

    @Test
    void anOlderWorkersAnnotationIsRead() throws Exception {
        assertThat(CloudVolumes.parse("""
                {"vol-1":{"mount_point":"/b","fs_type":"","lun":"1","disk_id":"vol-0b"},
                 "vol-0":{"mount_point":"/a","fs_type":"xfs","lun":0,"disk_id":"/pool/a.qcow2","encrypt_type":"LUKS",
                          "key_id":"kbs:///default/key/1"}}"""))
                .containsExactly(
                        new CloudVolume(
                                0, "/pool/a.qcow2", "/a", "xfs", false, List.of(), "", "luks2", "default/key/1"),
                        new CloudVolume(1, "vol-0b", "/b", "ext4", false, List.of(), "", "", ""));
    }

    @Test
    void readOnlyIsAFlagOrAnOption() throws Exception {
        assertThat(read(GOOD + ",\"readonly\":true").readOnly()).isTrue();
        CloudVolume byOption = read(GOOD + ",\"options\":[\"rw\",\"ro\",\"defaults\",\"noexec\"]");
        assertThat(byOption.readOnly()).isTrue();
        assertThat(byOption.options()).containsExactly("noexec");
        assertThat(read(GOOD).readOnly()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mount_point | \"\" | mount_point",
                "mount_point | \"data\" | mount_point",
                "mount_point | \"/a/../../etc\" | mount_point",
                "mount_point | \"/a/..\" | mount_point",
                "mount_point | \"/a\\u0000b\" | mount_point",
                "mount_point | [] | mount_point",
                "disk_id | \"\" | disk_id",
                "disk_id | \"-o remount\" | disk_id",
                "disk_id | \"/dev/../vda\" | disk_id",
                "disk_id | \"vol 1\" | disk_id",
                "lun | \"\" | lun",
                "lun | \"-1\" | lun",
                "lun | \"00\" | lun",
                "lun | \"64\" | lun",
                "lun | \"99999999999999999999\" | lun",
                "lun | \"1\" | another number",
                "fs_type | \"btrfs\" | ext4, ext3 and xfs",
                "fs_type | \"../ext4\" | fs_type",
                "fs_group | \"root\" | fs_group",
                "fs_group | \"-1\" | fs_group",
                "fs_group | \"2147483648\" | fs_group",
                "encrypt_type | \"rot13\" | luks2",
                "encrypt_type | \"luks2\" | kbs-key-id",
                "key_id | \"../../x\" | key_id",
                "key_id | \"a b\" | key_id",
                "readonly | \"perhaps\" | readonly",
                "options | \"ro\" | options",
                "options | [\"loop\"] | mountOptions",
                "options | [\"ro,loop\"] | mountOptions",
                "options | [\"nouuid\"] | ext4",
                "options | [{}] | option"
            })
    void whatCannotBeIsRefusedByName(String key, String value, String named) {
        assertThatThrownBy(() -> read(GOOD + ",\"" + key + "\":" + value))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("vol-0")
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "null", "[]", "{", "{\"vol-0\":1}", "{\"vol-0\":null}", "\"x\"", "{\"..\":{}}"})
    void whatIsNoMapOfVolumesIsRefused(String text) {
        assertThatThrownBy(() -> CloudVolumes.parse(text)).isInstanceOf(ConfigException.class);
    }

    @Test
    void aNameIsTheVolumesNumberAndNothingElse() {
        for (String name : List.of("vol-", "vol-00", "VOL-0", "../vol-0", "vol-0/..", "vol-1")) {
            assertThatThrownBy(() -> CloudVolumes.parse("{\"" + name + "\":{" + GOOD + "}}"))
                    .as(name)
                    .isInstanceOf(ConfigException.class);
        }
    }

    @Test
    void sizesAreBounded() {
        String many =
                IntStream.range(0, 65).mapToObj(i -> "\"vol-" + i + "\":{}").collect(Collectors.joining(",", "{", "}"));
        assertThatThrownBy(() -> CloudVolumes.parse(many)).hasMessageContaining("65 volumes");
        assertThatThrownBy(() -> CloudVolumes.parse("{" + " ".repeat(300_000) + "}"))
                .hasMessageContaining("longer");
        assertThatThrownBy(() -> CloudVolumes.parse("[".repeat(200_000))).isInstanceOf(ConfigException.class);
    }

    @Test
    void oneDiskAndOneMountPointAreThereOnce() {
        String second = "\"vol-1\":{\"lun\":\"1\",\"fs_type\":\"ext4\",";
        assertThatThrownBy(() -> CloudVolumes.parse("{\"vol-0\":{" + GOOD + "}," + second
                        + "\"disk_id\":\"vol-0123456789abcdef0\",\"mount_point\":\"/b\"}}"))
                .hasMessageContaining("twice");
        assertThatThrownBy(() -> CloudVolumes.parse(
                        "{\"vol-0\":{" + GOOD + "}," + second + "\"disk_id\":\"vol-0b\",\"mount_point\":\"/data\"}}"))
                .hasMessageContaining("twice");
    }

    @Test
    void damagedAnnotationsAreRefusedAndNothingElseHappens() {
        String whole = "{\"vol-0\":{" + GOOD + ",\"options\":[\"ro\"],\"fs_group\":\"7\"}}";
        Random random = new Random(7);
        for (int i = 0; i < 5_000; i++) {
            StringBuilder damaged = new StringBuilder(whole);
            for (int j = random.nextInt(3); j >= 0; j--) {
                damaged.setCharAt(random.nextInt(damaged.length()), (char) random.nextInt(128));
            }
            try {
                CloudVolumes.parse(damaged.toString())
                        .forEach(volume -> assertThat(volume.name()).matches("vol-\\d+"));
            } catch (ConfigException refused) {
                assertThat(refused.getMessage()).hasSizeLessThan(1000);
            }
        }
    }

    private static CloudVolume read(String body) throws ConfigException {
        return CloudVolumes.parse("{\"vol-0\":{" + body + "}}").getFirst();
    }
}
