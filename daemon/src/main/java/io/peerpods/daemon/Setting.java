package io.peerpods.daemon;

/**
 * One setting: a command-line flag and its environment twin, which is its key in {@code peer-pods-cm}.
 *
 * @param flag the flag's name without dashes
 * @param key the environment variable, or empty when there is none
 * @param fallback the default, as it would be written on the command line
 * @param secret whether the value never appears in help, logs or {@code ps}
 * @param meaning one or two sentences for help and documentation: units, range, allowed values
 */
public record Setting(String flag, String key, Kind kind, String fallback, boolean secret, String meaning) {

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

    public Setting(String flag, String key, Kind kind, String fallback, String meaning) {
        this(flag, key, kind, fallback, false, meaning);
    }

    /** How errors name it: {@code -vxlan-port (VXLAN_PORT)}. */
    public String names() {
        return key.isEmpty() ? "-" + flag : "-" + flag + " (" + key + ")";
    }
}
