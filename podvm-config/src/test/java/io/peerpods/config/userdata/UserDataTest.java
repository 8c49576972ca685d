package io.peerpods.config.userdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.config.ConfigException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UserDataTest {

    @Test
    void is_written_as_the_existing_system_writes_it() {
        UserData userData = UserData.builder()
                .file("/run/peerpod/apf.json", "{\n    \"pod-name\": \"a\"\n}\n")
                .file("/run/peerpod/initdata", "H4sI")
                .file("/run/peerpod/scratch-space.marker", "")
                .build();
        assertThat(userData.render()).isEqualTo("""
                        #cloud-config

                        write_files:
                          - path: /run/peerpod/apf.json
                            content: |
                              {
                                  "pod-name": "a"
                              }
                          - path: /run/peerpod/initdata
                            content: |
                              H4sI
                          - path: /run/peerpod/scratch-space.marker
                        """);
    }

    @Test
    void what_is_written_is_read_back() throws ConfigException {
        Random random = new Random(20261121);
        String alphabet = "ab \n\t{}[]:#-|>'\"%&*!?,\\~é€\uD83D\uDE00";
        for (int i = 0; i < 500; i++) {
            StringBuilder content = new StringBuilder();
            for (int n = random.nextInt(40); n > 0; n--) {
                int at = random.nextInt(alphabet.codePointCount(0, alphabet.length()));
                content.appendCodePoint(alphabet.codePointAt(alphabet.offsetByCodePoints(0, at)));
            }
            String text = content.toString();
            UserData userData = UserData.builder()
                    .file("/before", "x\n")
                    .file("/file", text)
                    .file("/after", "y\n")
                    .build();
            String expected = text.isEmpty() || text.endsWith("\n") ? text : text + "\n";
            UserData read = UserData.parse(userData.render());
            assertThat(read.content("/file"))
                    .as("case %d of %s", i, userData.render())
                    .contains(expected);
            assertThat(read.content("/after")).contains("y\n");
        }
    }

    @Test
    void refuses_to_write_control_characters() {
        UserData userData =
                UserData.builder().file("/run/peerpod/auth.json", "a\u0000b").build();
        assertThatThrownBy(userData::render)
                .hasMessageContaining("/run/peerpod/auth.json")
                .hasMessageContaining("U+0000");
    }

    @Test
    void takes_only_the_paths_of_the_list_letter_by_letter() throws ConfigException {
        UserData userData = UserData.parse("""
                #cloud-config
                write_files:
                - path: /run/peerpod/apf.json
                  owner: root:root
                  permissions: '0600'
                  append: false
                  content: "{}"
                - path: /run/peerpod/../../etc/passwd
                  content: x
                - path: /run/peerpod/aa.toml/
                - path: //run/peerpod/aa.toml
                - path: /run/peerpod/cdh.toml
                  content: |
                    a = 1
                """);
        assertThat(userData.allowed().files())
                .extracting(UserData.File::path)
                .containsExactly("/run/peerpod/apf.json", "/run/peerpod/cdh.toml");
        assertThat(userData.refused())
                .containsExactly("/run/peerpod/../../etc/passwd", "/run/peerpod/aa.toml/", "//run/peerpod/aa.toml");
        assertThat(userData.agentConfig()).contains("{}");
    }

    @Test
    void reads_the_older_name_of_the_agents_configuration() throws ConfigException {
        UserData userData = UserData.parse(
                "#cloud-config\nwrite_files:\n- path: /run/peerpod/daemon.json\n  content: '{\"a\":1}'\n");
        assertThat(userData.agentConfig()).contains("{\"a\":1}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "write_files: []",
                "#!/bin/sh\ntrue",
                "#cloud-config\n- a",
                "#cloud-config\nruncmd: [reboot]",
                "#cloud-config\nwrite_files: {}",
                "#cloud-config\nwrite_files: [x]",
                "#cloud-config\nwrite_files:\n- content: x",
                "#cloud-config\nwrite_files:\n- path: relative\n  content: x",
                "#cloud-config\nwrite_files:\n- path: /a\n  content: 5",
                "#cloud-config\nwrite_files:\n- path: /a\n  contents: x",
                "#cloud-config\nwrite_files:\n- path: /a\n  encoding: b64\n  content: eA==",
                "#cloud-config\nwrite_files:\n- path: /a\n  path: /b",
                "#cloud-config\nwrite_files:\n- path: /a\n- path: /a",
                "#cloud-config\nwrite_files:\n- &a {path: /a}\n- *a",
                "#cloud-config\nwrite_files: !!java.net.URL [x]",
                "#cloud-config\nwrite_files: [[[[[[[[[[[[x]]]]]]]]]]]]",
                "#cloud-config\nwrite_files: [\n---\na: b",
            })
    void refuses_everything_else(String document) {
        assertThatThrownBy(() -> UserData.parse(document)).isInstanceOf(ConfigException.class);
    }

    @Test
    void refuses_bombs_quickly_and_never_fails_otherwise() {
        String laughs = "#cloud-config\nwrite_files: [" + "&a [x], *a, ".repeat(5000) + "]";
        assertThatThrownBy(() -> UserData.parse(laughs)).isInstanceOf(ConfigException.class);
        assertThatThrownBy(() -> UserData.parse("#cloud-config\n" + "x".repeat(UserData.MAX_BYTES)))
                .isInstanceOf(ConfigException.class);
        Random random = new Random(7);
        String alphabet = "#:-[]{}&*!|>'\"%@`, \n\tabpathcontent/0";
        for (int i = 0; i < 3000; i++) {
            StringBuilder document = new StringBuilder("#cloud-config\nwrite_files:\n- path: /a\n  content: ");
            for (int n = random.nextInt(60); n > 0; n--) {
                document.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            try {
                UserData.parse(document.toString());
            } catch (ConfigException e) {
                assertThat(e.getMessage()).startsWith("user-data");
            }
        }
    }

    @Test
    void a_secret_in_broken_yaml_is_not_in_the_message() {
        assertThatThrownBy(() -> UserData.parse("#cloud-config\nwrite_files:\n- path: /a\n  content: \"SECRET\n"))
                .isInstanceOf(ConfigException.class)
                .hasMessageNotContaining("SECRET");
    }
}
