package io.peerpods.daemon;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Environment variables that are no key of a program but look like one: a slip of the pen in a ConfigMap would otherwise change nothing
 * and say nothing.
 */
public final class Misspelling {

    /** Shorter keys have too many neighbours that mean something else, such as {@code POD_IP} beside {@code POD_UID}. */
    private static final int LONG_KEY = 10;

    private static final int SHORTEST_KEY = 6;

    private Misspelling() {}

    /**
     * Looks for variables that nearly have the name of a known key: other case, hyphens for underscores, or a letter or two that are
     * wrong, missing, swapped or too many (one in keys below ten characters, none in keys below six).
     *
     * @param environment what the process was given
     * @param known every key that the program knows; none of these is a misspelling
     * @return the key that was probably meant, by the name that was given, in alphabetical order
     */
    public static SortedMap<String, String> find(Map<String, String> environment, Collection<String> known) {
        SortedMap<String, String> found = new TreeMap<>();
        for (String given : environment.keySet()) {
            if (!known.contains(given)) {
                String spelled = given.toUpperCase(Locale.ROOT).replace('-', '_');
                known.stream()
                        .filter(key -> distance(spelled, key) <= allowed(key))
                        .min(Comparator.<String>comparingInt(key -> distance(spelled, key))
                                .thenComparing(Comparator.naturalOrder()))
                        .ifPresent(key -> found.put(given, key));
            }
        }
        return found;
    }

    private static int allowed(String key) {
        return key.length() >= LONG_KEY ? 2 : key.length() >= SHORTEST_KEY ? 1 : 0;
    }

    /** Edits that make one text of the other; the swap of two neighbours counts as one (optimal string alignment). */
    private static int distance(String one, String other) {
        int[][] edits = new int[one.length() + 1][other.length() + 1];
        for (int i = 0; i <= one.length(); i++) {
            for (int j = 0; j <= other.length(); j++) {
                if (i == 0 || j == 0) {
                    edits[i][j] = i + j;
                    continue;
                }
                int replaced = edits[i - 1][j - 1] + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                edits[i][j] = Math.min(replaced, 1 + Math.min(edits[i - 1][j], edits[i][j - 1]));
                if (i > 1
                        && j > 1
                        && one.charAt(i - 1) == other.charAt(j - 2)
                        && one.charAt(i - 2) == other.charAt(j - 1)) {
                    edits[i][j] = Math.min(edits[i][j], edits[i - 2][j - 2] + 1);
                }
            }
        }
        return edits[one.length()][other.length()];
    }
}
