package io.peerpods.daemon;

/**
 * One setting: a command-line flag and its environment twin, which is its key in {@code peer-pods-cm}.
 *
 * @param flag the flag's name without dashes
 * @param key the environment variable, or empty when there is none
 * @param fallback the default, as it would be written on the command line
 * @param secret whether the value never appears in help, logs or {@code ps}
 * @param meaning one or two sentences for help and documentation: units, range, allowed values
 * @param inConfigMap how {@code peer-pods-cm.yaml} shows the key
 */
public record Setting(
        String flag, String key, Kind kind, String fallback, boolean secret, String meaning, InConfigMap inConfigMap) {

    /** How {@code peer-pods-cm.yaml} shows a key. */
    public enum InConfigMap {
        /** With its default: to write the default is the same as to leave the key out. */
        SET,
        /** Commented out: that the key is there counts, even with the default as its value. */
        COMMENTED_OUT,
        /** Not at all: the setting is for tests of the program. */
        ABSENT
    }

    /** How the text of a value is read; the syntax is Go's. */
    public enum Kind {
        TEXT("text"),
        BOOL("true or false"),
        INT("whole number"),
        DURATION("duration"),
        /** Comma-separated; blanks around items are dropped, empty items too. */
        LIST("list");

        private final String word;

        Kind(String word) {
            this.word = word;
        }

        /** What help and documentation call it. */
        public String word() {
            return word;
        }
    }

    /** A setting that the ConfigMap shows with its default, or commented out when it is a secret. */
    public Setting(String flag, String key, Kind kind, String fallback, boolean secret, String meaning) {
        this(flag, key, kind, fallback, secret, meaning, secret ? InConfigMap.COMMENTED_OUT : InConfigMap.SET);
    }

    /** A setting that is no secret, which the ConfigMap shows with its default. */
    public Setting(String flag, String key, Kind kind, String fallback, String meaning) {
        this(flag, key, kind, fallback, false, meaning);
    }

    /** The same setting, shown so in the ConfigMap. */
    public Setting shown(InConfigMap how) {
        return new Setting(flag, key, kind, fallback, secret, meaning, how);
    }

    /** How errors name it: {@code -vxlan-port (VXLAN_PORT)}. */
    public String names() {
        return key.isEmpty() ? "-" + flag : "-" + flag + " (" + key + ")";
    }
}
