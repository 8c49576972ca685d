package io.peerpods.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;

class LogsTest {

    private static LoggingEvent event(String message) {
        LoggerContext context = new LoggerContext();
        LoggingEvent event = new LoggingEvent(
                "",
                context.getLogger("io.peerpods.adaptor.StopVm"),
                ch.qos.logback.classic.Level.INFO,
                message,
                null,
                null);
        event.setMDCPropertyMap(Map.of("sandbox", "abc"));
        event.setKeyValuePairs(List.of(new KeyValuePair("vm", "i-1")));
        return event;
    }

    private static String encoded(boolean json, String message) {
        return new String(new LineEncoder(json).encode(event(message)), StandardCharsets.UTF_8);
    }

    @Test
    void aLineHasTimeLevelLoggerSandboxAndMessage() {
        assertThat(encoded(false, "VM is gone"))
                .matches("\\d{4}-\\d\\d-\\d\\dT\\S+Z INFO adaptor.StopVm sandbox=abc vm=i-1 VM is gone\n");
    }

    @Test
    void whatComesFromOutsideStaysOnItsLine() {
        assertThat(encoded(false, "pod a\nINFO forged\u001b[2J"))
                .hasLineCount(1)
                .contains("pod a\\nINFO forged?[2J");
    }

    @Test
    void jsonIsOneObjectALine() {
        String line = encoded(true, "pod \"a\"\nb");
        assertThat(line).hasLineCount(1);
        var object = JsonParser.parseString(line).getAsJsonObject();
        assertThat(object.get("sandbox").getAsString()).isEqualTo("abc");
        assertThat(object.get("message").getAsString()).isEqualTo("pod \"a\"\nb");
    }

    @Test
    void anUnknownLevelStopsTheStart() throws Exception {
        CommandLine line = new CommandLine(Logs.SETTINGS);
        Settings settings = line.parse(List.of("-log-level=loud"));
        assertThatThrownBy(() -> Logs.start(settings))
                .hasMessage("-log-level (LOG_LEVEL): \"loud\" is not one of error, warn, info, debug, trace");
    }
}
