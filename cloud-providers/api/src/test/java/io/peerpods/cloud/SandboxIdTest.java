package io.peerpods.cloud;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SandboxIdTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a",
                "0f3c",
                "sandbox-1",
                "a.b_c-d",
                "7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"
            })
    void containerdsIdentifiersAreIds(String text) {
        assertThat(SandboxId.parse(text).value()).isEqualTo(text);
        assertThat(SandboxId.tryParse(text)).contains(SandboxId.parse(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", ".", "..", "../../../../x", "/etc", "a/b", "a..b", "-a", "a-", "a b", "a\n", "a\0", "é"})
    void nothingThatAPathGivesAMeaningToIsAnId(String text) {
        assertThat(SandboxId.tryParse(text)).isEmpty();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SandboxId.parse(text))
                .withMessageContaining("sandbox id");
    }

    @Test
    void theLongestIdHas76Characters() {
        assertThat(SandboxId.tryParse("a".repeat(76))).isPresent();
        assertThat(SandboxId.tryParse("a".repeat(77))).isEmpty();
    }

    @Test
    void theReasonIsFitForALog() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SandboxId.parse("x\n" + "/".repeat(5000)))
                .withMessageMatching("\\P{Cntrl}{1,200}")
                .withMessageContaining("5002 characters");
    }
}
