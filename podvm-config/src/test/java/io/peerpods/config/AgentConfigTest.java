package io.peerpods.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AgentConfigTest {

    @Test
    void is_written_with_the_existing_systems_keys_and_indent() {
        JsonObject network = JsonParser.parseString("{\"podip\":\"10.244.1.5/24\",\"neighbors\":null,\"mtu\":1500}")
                .getAsJsonObject();
        AgentConfig config = AgentConfig.of("default", "nginx", network)
                .withTls("KEY\n", "CERT\n", "CA\n", new TlsSettings("VersionTLS12", List.of("TLS_AES_128_GCM_SHA256")));
        assertThat(config.toJson()).isEqualTo("""
                        {
                            "pod-namespace": "default",
                            "pod-name": "nginx",
                            "pod-network": {
                                "podip": "10.244.1.5/24",
                                "neighbors": null,
                                "mtu": 1500
                            },
                            "tls-server-key": "KEY\\n",
                            "tls-server-cert": "CERT\\n",
                            "tls-client-ca": "CA\\n",
                            "tls-min-version": "VersionTLS12",
                            "tls-cipher-suites": [
                                "TLS_AES_128_GCM_SHA256"
                            ]
                        }
                        """);
    }

    @Test
    void leaves_out_what_is_not_set() {
        assertThat(AgentConfig.of("ns", "pod", new JsonObject()).toJson())
                .doesNotContain("tls")
                .contains("\"pod-network\": {}");
    }

    @Test
    void keeps_keys_of_others_and_survives_a_round_trip() throws ConfigException {
        String text = """
                {"pod-namespace":"n","pod-name":"p","pod-network":{"podip":"","new":[1,{"deep":null}]},
                 "sc-pp-prv":"AAEC","sc-wn-pub":"AwQ=","future":{"a":1.50,"b":[true,null]},"tls-cipher-suites":null}
                """;
        AgentConfig config = AgentConfig.parse(text);
        assertThat(config.other().keySet()).containsExactly("sc-pp-prv", "sc-wn-pub", "future");
        assertThat(config.other().get("future").toString()).isEqualTo("{\"a\":1.50,\"b\":[true,null]}");
        assertThat(AgentConfig.parse(config.toJson())).isEqualTo(config);
        assertThat(config.podNetwork().get("new").toString()).isEqualTo("[1,{\"deep\":null}]");
    }

    @Test
    void does_not_show_its_secrets() throws ConfigException {
        AgentConfig config =
                AgentConfig.of("n", "p", new JsonObject()).withTls("SECRET", "CERT", "CA", TlsSettings.DEFAULT);
        assertThat(config.toString()).doesNotContain("SECRET");
        assertThatThrownBy(() -> AgentConfig.parse("{\"tls-server-key\":\"SECRET\", \"pod-name\": SECRET SECRET}"))
                .isInstanceOf(ConfigException.class)
                .hasMessageNotContaining("SECRET")
                .hasMessageContaining("line 1");
    }

    @Test
    void hostile_files_end_in_one_kind_of_exception() {
        assertThatThrownBy(() -> AgentConfig.parse("{\"pod-network\":" + "[".repeat(100_000)))
                .isInstanceOf(ConfigException.class);
        String json = AgentConfig.of("ns", "pod", new JsonObject())
                .withTls("KEY\n", "CERT\n", "CA\n", new TlsSettings("", List.of("TLS_AES_128_GCM_SHA256")))
                .toJson();
        Random random = new Random(3);
        for (int i = 0; i < 3000; i++) {
            StringBuilder broken = new StringBuilder(json);
            for (int n = 1 + random.nextInt(3); n > 0; n--) {
                broken.setCharAt(random.nextInt(broken.length()), (char) (9 + random.nextInt(118)));
            }
            try {
                AgentConfig.parse(broken.toString());
            } catch (ConfigException e) {
                assertThat(e.getMessage()).startsWith("the agent's configuration");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "null",
                "{}",
                "{\"pod-network\":[]}",
                "{\"pod-network\":{},\"pod-name\":1}",
                "{\"pod-network\":{},\"tls-cipher-suites\":\"a\"}",
                "{\"pod-network\":{},\"tls-cipher-suites\":[1]}"
            })
    void refuses_what_is_no_configuration(String text) {
        assertThatThrownBy(() -> AgentConfig.parse(text)).isInstanceOf(ConfigException.class);
    }
}
