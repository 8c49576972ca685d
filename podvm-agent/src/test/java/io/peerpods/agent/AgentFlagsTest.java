package io.peerpods.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.CommandLine;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AgentFlagsTest {

    @Test
    void theDefaultsAreThoseOfTheExistingAgent() throws Exception {
        AgentOptions options = options();
        assertThat(options.config()).isEqualTo(Path.of("/run/peerpod/apf.json"));
        assertThat(options.listen().getPort()).isEqualTo(15150);
        assertThat(options.listen().getAddress().isAnyLocalAddress()).isTrue();
        assertThat(options.kataAgentSocket()).isEqualTo(Path.of("/run/kata-containers/agent.sock"));
        assertThat(options.podNamespace()).isEqualTo("/run/netns/podns");
        assertThat(options.skipVerify()).isFalse();
        assertThat(options.disableTls()).isFalse();
        assertThat(options.metadataVersion1()).isFalse();
        assertThat(options.networkTimeout()).isEqualTo(Duration.ofMinutes(3));
    }

    @ParameterizedTest
    @CsvSource({
        "0.0.0.0:15150, 0.0.0.0, 15150",
        ":15151, 0.0.0.0, 15151",
        "127.0.0.1:1, 127.0.0.1, 1",
        "[::1]:65535, 0:0:0:0:0:0:0:1, 65535"
    })
    void addressesAreWrittenAsInGo(String text, String address, int port) throws Exception {
        AgentOptions options = options("-listen", text);
        assertThat(options.listen().getAddress().getHostAddress()).isEqualTo(address);
        assertThat(options.listen().getPort()).isEqualTo(port);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-listen=15150",
                "-listen=0.0.0.0:65536",
                "-listen=::1:15150",
                "-user-data=azure",
                "-metadata-url=https://169.254.169.254",
                "-metadata-url=169.254.169.254",
                "-pod-namespace=podns",
                "-cert-file=/only/one",
                "-network-timeout=3",
                "-no-such-flag"
            })
    void whatCannotBeIsRefusedInOneLineThatNamesTheFlag(String flag) {
        assertThatThrownBy(() -> options(flag))
                .isInstanceOf(BadSettingException.class)
                .message()
                .contains(flag.substring(0, flag.contains("=") ? flag.indexOf('=') : flag.length()))
                .doesNotContain("\n");
    }

    private static AgentOptions options(String... flags) throws BadSettingException {
        return AgentOptions.of(new CommandLine(AgentSettings.TABLE).parse(List.of(flags), Map.of()));
    }
}
