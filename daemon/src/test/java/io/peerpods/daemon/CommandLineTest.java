package io.peerpods.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.daemon.Setting.InConfigMap;
import io.peerpods.daemon.Setting.Kind;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {

    private static final Setting NAME =
            new Setting("name", "NAME", Kind.TEXT, "nobody", "Who.").shown(InConfigMap.COMMENTED_OUT);
    private static final Setting LOUD = new Setting("loud", "LOUD", Kind.BOOL, "false", "Whether loud.");
    private static final Setting SURE = new Setting("sure", "SURE", Kind.BOOL, "true", "Whether sure.");
    private static final Setting PORT =
            new Setting("port", "PORT", Kind.INT, "4789", "The port.").shown(InConfigMap.COMMENTED_OUT);
    private static final Setting WAIT = new Setting("wait", "WAIT", Kind.DURATION, "5m", "How long.");
    private static final Setting NETS = new Setting("nets", "NETS", Kind.LIST, "", "Which networks.");
    private static final Setting KEY = new Setting("key", "KEY", Kind.TEXT, "", true, "The key.");
    private static final Setting CODE = new Setting("code", "CODE", Kind.INT, "7", true, "The code.");

    private final CommandLine line = new CommandLine(List.of(NAME, LOUD, SURE, PORT, WAIT, NETS, KEY, CODE));

    private Settings parse(String... arguments) throws BadSettingException {
        return line.parse(List.of(arguments));
    }

    @Test
    void aSecretThatEndsInALineEndIsReadWithoutIt() throws Exception {
        Settings settings = line.parse(
                List.of("-name", " x\n", "-loud=true\r\n"),
                Map.of("KEY", "s3cr3t\n", "PORT", " 5 \n", "WAIT", "3s\r\n", "NETS", "a, b\n", "SURE", "false\n"));
        assertThat(settings.text(NAME)).isEqualTo("x");
        assertThat(settings.on(LOUD)).isTrue();
        assertThat(settings.text(KEY)).isEqualTo("s3cr3t");
        assertThat(settings.number(PORT)).isEqualTo(5);
        assertThat(settings.duration(WAIT)).isEqualTo(Duration.ofSeconds(3));
        assertThat(settings.list(NETS)).containsExactly("a", "b");
        assertThat(settings.on(SURE)).isFalse();
    }

    @Test
    void aVariableOfBlanksIsAsOneThatIsNotSet() throws Exception {
        Settings settings = line.parse(List.of(), Map.of("NAME", " \n", "PORT", "\n"));
        assertThat(settings.text(NAME)).isEqualTo("nobody");
        assertThat(settings.isGiven(NAME)).isFalse();
        assertThat(settings.number(PORT)).isEqualTo(4789);
    }

    @Test
    void presenceCountsOnlyForSettingsThatTheConfigMapDoesNotSet() throws Exception {
        Settings settings = parse();
        assertThatThrownBy(() -> settings.isGiven(WAIT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("-wait (WAIT)");
    }

    @Test
    void defaultsHoldWhenNothingIsGiven() throws Exception {
        Settings settings = parse();
        assertThat(settings.text(NAME)).isEqualTo("nobody");
        assertThat(settings.on(LOUD)).isFalse();
        assertThat(settings.on(SURE)).isTrue();
        assertThat(settings.number(PORT)).isEqualTo(4789);
        assertThat(settings.duration(WAIT)).isEqualTo(Duration.ofMinutes(5));
        assertThat(settings.list(NETS)).isEmpty();
        assertThat(settings.isGiven(NAME)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"-name=x", "--name=x", "-name x", "--name x"})
    void oneDashAndTwoWithEqualsAndWithoutAreTheSame(String text) throws Exception {
        Settings settings = parse(text.split(" "));
        assertThat(settings.text(NAME)).isEqualTo("x");
        assertThat(settings.isGiven(NAME)).isTrue();
    }

    @Test
    void aFlagTakesTheNextWordWhateverItLooksLike() throws Exception {
        assertThat(parse("-name", "-loud").text(NAME)).isEqualTo("-loud");
        assertThat(parse("-name", "-loud").on(LOUD)).isFalse();
        assertThat(parse("-port", "-1").number(PORT)).isEqualTo(-1);
        assertThat(parse("-name", "a=b=c").text(NAME)).isEqualTo("a=b=c");
        assertThat(parse("-name=a=b").text(NAME)).isEqualTo("a=b");
        assertThat(parse("-name", "").text(NAME)).isEmpty();
        assertThat(parse("-name=").text(NAME)).isEmpty();
        assertThat(parse("-name=\"q\"").text(NAME)).isEqualTo("\"q\"");
        assertThat(parse("-name=@file").text(NAME)).isEqualTo("@file");
        assertThat(parse("-name=${sys:user.name}").text(NAME)).isEqualTo("${sys:user.name}");
    }

    @Test
    void aBoolNeverTakesTheNextWord() throws Exception {
        assertThat(parse("-loud", "-name=x").on(LOUD)).isTrue();
        assertThat(parse("-sure=false").on(SURE)).isFalse();
        assertThat(parse("-loud=T").on(LOUD)).isTrue();
        assertThatThrownBy(() -> parse("-loud", "false"))
                .hasMessage("\"false\" is not a flag, and nothing else is expected here");
    }

    @Test
    void theLastOfTwoEqualFlagsWins() throws Exception {
        assertThat(parse("-name=a", "-name", "b").text(NAME)).isEqualTo("b");
        assertThat(parse("-nets=a,b", "-nets=c").list(NETS)).containsExactly("c");
    }

    @Test
    void flagBeatsEnvironmentBeatsDefault() throws Exception {
        Map<String, String> environment = Map.of("NAME", "env", "NETS", "a, b,,c ", "PORT", "", "LOUD", "1");
        Settings settings = line.parse(List.of("-nets", "d"), environment);
        assertThat(settings.text(NAME)).isEqualTo("env");
        assertThat(settings.list(NETS)).containsExactly("d");
        assertThat(settings.number(PORT)).isEqualTo(4789);
        assertThat(settings.isGiven(PORT)).isFalse();
        assertThat(settings.on(LOUD)).isTrue();
        assertThat(line.parse(List.of(), environment).list(NETS)).containsExactly("a", "b", "c");
        assertThat(line.parse(List.of("-name=flag", "-loud=false"), environment).text(NAME))
                .isEqualTo("flag");
        assertThat(line.parse(List.of("-loud=false"), environment).on(LOUD)).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "10, 10",
        "-5, -5",
        "+5, 5",
        "0x1F, 31",
        "0X1f, 31",
        "0b101, 5",
        "0o17, 15",
        "017, 15",
        "0_17, 15",
        "0x_1f, 31",
        "0, 0",
        "2147483647, 2147483647",
        "-2147483648, -2147483648"
    })
    void wholeNumbersAreRead(String text, int value) {
        assertThat(GoSyntax.number(text)).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "1.5", "08", "0x", "1__0", "_1", "1_", "0b2", "30Gi", "2147483648", "1e3", " 1"})
    void whatIsNoWholeNumberIsRefused(String text) {
        assertThatThrownBy(() -> GoSyntax.number(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "5m, PT5M",
        "1h2m3s, PT1H2M3S",
        "1.5s, PT1.5S",
        "300ms, PT0.3S",
        "0, PT0S",
        "-2s, PT-2S",
        "+2s, PT2S",
        ".5m, PT30S",
        "1.h, PT1H",
        "10us, PT0.00001S",
        "10\u00b5s, PT0.00001S",
        "10\u03bcs, PT0.00001S",
        "7ns, PT0.000000007S",
        "2m1m, PT3M"
    })
    void durationsAreRead(String text, Duration value) {
        assertThat(GoSyntax.duration(text)).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10", "-", ".s", "s", "5 m", "5d", "m5", "5m3", "9999999h", "1h-2m"})
    void whatIsNoDurationIsRefused(String text) {
        assertThatThrownBy(() -> GoSyntax.duration(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aBadValueIsOneLineThatNamesFlagKeyValueAndWhatIsAllowed() {
        assertThatThrownBy(() -> parse("-wait=10"))
                .hasMessage("-wait (WAIT): \"10\" is not a duration such as 5m, 1h30m or 300ms (the unit is needed)");
        assertThatThrownBy(() -> line.parse(List.of(), Map.of("LOUD", "yes")))
                .hasMessage("-loud (LOUD): \"yes\" is not one of true, t, 1, false, f, 0");
        assertThatThrownBy(() -> parse("-port=a\nb")).hasMessage("-port (PORT): \"a; b\" is not a whole number");
    }

    @Test
    void mistakesOnTheCommandLineAreNamed() {
        assertThatThrownBy(() -> parse("-nmae=x")).hasMessage("unknown flag -nmae; `help` lists what there is");
        assertThatThrownBy(() -> parse("-nam=x")).hasMessageContaining("unknown flag -nam");
        assertThatThrownBy(() -> parse("-name")).hasMessage("-name (NAME) needs a value: Who.");
        assertThatThrownBy(() -> parse("word")).hasMessageContaining("\"word\" is not a flag");
        assertThatThrownBy(() -> parse("-loud", "--", "-name=x")).hasMessageContaining("\"-name=x\" is not a flag");
        assertThatThrownBy(() -> parse("-loudname=x")).hasMessageContaining("unknown flag -loudname");
    }

    @Test
    void aSecretIsInNoMessageAndNoHelp() {
        assertThatThrownBy(() -> parse("-code=s3cret"))
                .hasMessage("-code (CODE): the value (not shown) is not a whole number");
        assertThat(line.help())
                .contains("-key <text>", "environment KEY, secret", "-port <whole number>", "default 4789")
                .doesNotContain("default 7");
    }

    @Test
    void aTableWithTheSameNameTwiceIsRefused() {
        assertThatThrownBy(() -> new CommandLine(List.of(NAME, NAME))).hasMessageContaining("-name (NAME)");
        Setting other = new Setting("other", "NAME", Kind.TEXT, "", "Another.");
        assertThatThrownBy(() -> new CommandLine(List.of(NAME, other))).hasMessageContaining("twice");
    }
}
