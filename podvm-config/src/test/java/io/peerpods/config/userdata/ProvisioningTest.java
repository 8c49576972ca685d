package io.peerpods.config.userdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.config.ConfigException;
import io.peerpods.config.Initdata;
import io.peerpods.config.PodVmPaths;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvisioningTest {
    @TempDir
    private Path root;

    @Test
    void writes_the_allowed_files_the_entries_of_initdata_and_its_digest() throws Exception {
        Initdata initdata = Initdata.parse("""
                algorithm = "sha256"
                version = "0.1.0"
                [data]
                "aa.toml" = "measured"
                "policy.rego" = "package p"
                "passwd" = "x"
                """);
        UserData userData = UserData.builder()
                .file(PodVmPaths.AGENT_CONFIG, "{}\n")
                .file(PodVmPaths.AUTH, "{}\n")
                .file(PodVmPaths.ATTESTATION_AGENT, "not measured\n")
                .file(PodVmPaths.INITDATA, initdata.encode())
                .file("/etc/passwd", "x\n")
                .build();
        List<String> written = Provisioning.write(UserData.parse(userData.render()), root);
        assertThat(written)
                .containsExactlyInAnyOrder(
                        PodVmPaths.INITDATA_DIGEST,
                        PodVmPaths.AGENT_CONFIG,
                        PodVmPaths.AUTH,
                        PodVmPaths.ATTESTATION_AGENT,
                        PodVmPaths.INITDATA,
                        "/run/peerpod/policy.rego");
        assertThat(text("aa.toml")).isEqualTo("measured");
        assertThat(text("initdata.digest")).isEqualTo(initdata.digest());
        assertThat(mode("apf.json")).isEqualTo("rw-------");
        assertThat(mode("auth.json")).isEqualTo("rw-------");
        assertThat(mode("initdata")).isEqualTo("rw-r--r--");
        try (var files = Files.walk(root)) {
            assertThat(files.filter(Files::isRegularFile)).hasSize(written.size());
        }
    }

    @Test
    void there_is_a_digest_without_initdata_and_the_documents_own_file_stays() throws Exception {
        UserData userData = UserData.builder()
                .file(PodVmPaths.OLD_AGENT_CONFIG, "{}\n")
                .file(PodVmPaths.ATTESTATION_AGENT, "own\n")
                .build();
        Provisioning.write(userData, root);
        assertThat(text("initdata.digest")).isEqualTo(Initdata.dummy().digest());
        assertThat(text("aa.toml")).isEqualTo("own\n");
        assertThat(text("apf.json")).isEqualTo("{}\n");
    }

    @Test
    void bad_initdata_writes_nothing() throws IOException {
        UserData userData = UserData.builder()
                .file(PodVmPaths.AGENT_CONFIG, "{}\n")
                .file(PodVmPaths.INITDATA, "???")
                .build();
        assertThatThrownBy(() -> Provisioning.write(userData, root)).isInstanceOf(ConfigException.class);
        try (var files = Files.list(root)) {
            assertThat(files).isEmpty();
        }
    }

    private String text(String name) throws IOException {
        return Files.readString(root.resolve("run/peerpod").resolve(name));
    }

    private String mode(String name) throws IOException {
        return PosixFilePermissions.toString(
                Files.getPosixFilePermissions(root.resolve("run/peerpod").resolve(name)));
    }
}
