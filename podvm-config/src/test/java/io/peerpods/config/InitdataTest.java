package io.peerpods.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InitdataTest {
    private static final String DOCUMENT = """
            algorithm = "sha384"
            version = "0.1.0"

            [data]
            "aa.toml" = '''
            [token_configs]
            '''
            "policy.rego" = "package agent_policy"
            "evil.sh" = "rm"
            """;

    @Test
    void survives_the_journey() throws ConfigException {
        Initdata initdata = Initdata.decode(Initdata.parse(DOCUMENT).encode() + "\n");
        assertThat(initdata.document()).isEqualTo(DOCUMENT);
        assertThat(initdata.algorithm()).isEqualTo("sha384");
        assertThat(initdata.version()).isEqualTo("0.1.0");
        assertThat(initdata.data()).containsOnlyKeys("aa.toml", "policy.rego", "evil.sh");
        assertThat(initdata.allowed())
                .hasSize(2)
                .containsEntry("aa.toml", "[token_configs]\n")
                .containsEntry("policy.rego", "package agent_policy");
        assertThat(Initdata.parse(DOCUMENT).encode()).isEqualTo(initdata.encode());
    }

    @ParameterizedTest
    @CsvSource({"sha256, SHA-256", "sha384, SHA-384", "sha512, SHA-512"})
    void measures_the_raw_document(String algorithm, String digestName) throws Exception {
        String document = "# a comment counts\nalgorithm = \"" + algorithm + "\"\nversion = \"1\"\n[data]\n";
        byte[] expected = MessageDigest.getInstance(digestName).digest(document.getBytes(StandardCharsets.UTF_8));
        assertThat(Initdata.parse(document).digest()).isEqualTo(HexFormat.of().formatHex(expected));
    }

    @Test
    void the_dummy_is_a_valid_document() throws ConfigException {
        assertThat(Initdata.parse(Initdata.dummy().document())).isEqualTo(Initdata.dummy());
        assertThat(Initdata.dummy().digest()).matches("[0-9a-f]{64}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "algorithm = \"sha256\"",
                "algorithm = \"md5\"\nversion = \"1\"\n[data]",
                "algorithm = 256\nversion = \"1\"\n[data]",
                "algorithm = \"sha256\"\nversion = \"1\"\ndata = 1",
                "algorithm = \"sha256\"\nversion = \"1\"\n[data]\na = 1",
                "algorithm = \"sha256\"\nversion = \"1\"\n[data]\na.b = \"nested\"",
                "algorithm = ",
                "[[[",
            })
    void refuses_what_is_no_initdata(String document) {
        assertThatThrownBy(() -> Initdata.parse(document)).isInstanceOf(ConfigException.class);
    }

    @Test
    void refuses_what_is_not_gzip_in_base64() {
        assertThatThrownBy(() -> Initdata.decode("no base64!")).hasMessageContaining("base64");
        assertThatThrownBy(() -> Initdata.decode("AAAA")).hasMessageContaining("gzip");
        assertThatThrownBy(() -> Initdata.decode("")).isInstanceOf(ConfigException.class);
    }

    @Test
    void a_bomb_is_not_unpacked() throws IOException {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
            byte[] block = new byte[1024 * 1024];
            for (int i = 0; i < 64; i++) {
                out.write(block);
            }
        }
        String bomb = Base64.getEncoder().encodeToString(zipped.toByteArray());
        assertThatThrownBy(() -> Initdata.decode(bomb)).hasMessageContaining("once decompressed");
    }

    @Test
    void broken_documents_end_in_one_kind_of_exception() {
        Random random = new Random(99);
        for (int i = 0; i < 2000; i++) {
            StringBuilder document = new StringBuilder(DOCUMENT);
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
                document.setCharAt(random.nextInt(document.length()), (char) (9 + random.nextInt(118)));
            }
            try {
                Initdata.parse(document.toString());
            } catch (ConfigException e) {
                assertThat(e.getMessage()).startsWith("initdata");
            }
        }
    }
}
