package io.peerpods.daemon;

import java.util.ArrayList;
import java.util.List;

/** The table of settings as {@code peer-pods-cm.yaml} and as a page of documentation, so that neither can differ from the code. */
public final class SettingsPages {

    private static final int WIDTH = 120;

    /**
     * Settings under a heading.
     *
     * @param intro a sentence or two, or empty
     */
    public record Section(String title, String intro, List<Setting> settings) {
        public Section {
            settings = List.copyOf(settings);
        }
    }

    private SettingsPages() {}

    /**
     * A Kubernetes ConfigMap that holds every key with its default, under its meaning. Commented out are secrets, which belong into the
     * Secret, and keys whose presence counts.
     */
    public static String configMap(String intro, String name, String secretName, List<Section> sections) {
        StringBuilder yaml = new StringBuilder();
        comment(yaml, "", intro);
        yaml.append("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ")
                .append(name)
                .append("\ndata:\n");
        for (Section section : sections) {
            yaml.append("\n  # ---- ").append(section.title()).append(" ----\n");
            if (!section.intro().isEmpty()) {
                comment(yaml, "  ", section.intro());
            }
            for (Setting setting : section.settings()) {
                if (!setting.key().isEmpty() && setting.inConfigMap() != Setting.InConfigMap.ABSENT) {
                    key(yaml, setting, secretName);
                }
            }
        }
        return yaml.toString();
    }

    private static void key(StringBuilder yaml, Setting setting, String secretName) {
        yaml.append('\n');
        comment(
                yaml,
                "  ",
                setting.meaning() + " Flag: -" + setting.flag() + ", "
                        + setting.kind().word() + ".");
        if (setting.secret()) {
            comment(yaml, "  ", "Secret: a key of the Secret " + secretName + ", never of this map.");
        }
        yaml.append(setting.inConfigMap() == Setting.InConfigMap.SET ? "  " : "  # ")
                .append(setting.key())
                .append(": ")
                .append(quoted(setting.fallback()))
                .append('\n');
    }

    private static String quoted(String value) {
        return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    private static void comment(StringBuilder yaml, String indent, String text) {
        for (String paragraph : text.split("\n", -1)) {
            for (String line : wrapped(paragraph, WIDTH - indent.length() - 2)) {
                yaml.append(indent).append(("# " + line).stripTrailing()).append('\n');
            }
        }
    }

    private static List<String> wrapped(String text, int width) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ", -1)) {
            if (!line.isEmpty() && line.length() + 1 + word.length() > width) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }

    /** One Markdown table a section. */
    public static String markdown(String title, String intro, List<Section> sections) {
        StringBuilder page = new StringBuilder("# " + title + "\n\n" + intro + "\n");
        for (Section section : sections) {
            page.append("\n## ").append(section.title()).append("\n\n");
            if (!section.intro().isEmpty()) {
                page.append(section.intro()).append("\n\n");
            }
            page.append(
                    "| Flag | Environment, key of peer-pods-cm | Kind | Default | Meaning |\n|---|---|---|---|---|\n");
            for (Setting setting : section.settings()) {
                page.append("| `-").append(setting.flag()).append("` | ");
                page.append(setting.key().isEmpty() ? "-" : "`" + setting.key() + "`");
                page.append(setting.secret() ? " (secret)" : "").append(" | ");
                page.append(setting.kind().word()).append(" | ");
                page.append(setting.fallback().isEmpty() ? "-" : "`" + setting.fallback() + "`")
                        .append(" | ");
                page.append(setting.meaning().replace("|", "\\|")).append(" |\n");
            }
        }
        return page.toString();
    }
}
