package io.peerpods.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.daemon.Setting.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

class SettingsPagesTest {

    private static final List<SettingsPages.Section> SECTIONS = List.of(new SettingsPages.Section(
            "General",
            "",
            List.of(
                    new Setting("name", "NAME", Kind.TEXT, "a\"b", "Who."),
                    new Setting("key", "KEY", Kind.TEXT, "", true, "The key."),
                    new Setting("here", "", Kind.BOOL, "false", "Flag only."))));

    @Test
    void theConfigMapHoldsEveryKeyButSecretsAndFlagsWithoutOne() {
        assertThat(SettingsPages.configMap("Made from the table.", "cm", "cm-secret", SECTIONS))
                .isEqualTo("""
                # Made from the table.
                apiVersion: v1
                kind: ConfigMap
                metadata:
                  name: cm
                data:

                  # ---- General ----

                  # Who. Flag: -name, text.
                  NAME: "a\\"b"

                  # The key. Flag: -key, text.
                  # Secret: a key of the Secret cm-secret, never of this map.
                  # KEY: ""
                """);
    }

    @Test
    void thePageHoldsEverySetting() {
        assertThat(SettingsPages.markdown("Settings", "All.", SECTIONS))
                .contains(
                        "| `-name` | `NAME` | text | `a\"b` | Who. |",
                        "| `-key` | `KEY` (secret) |",
                        "| `-here` | - |");
    }
}
