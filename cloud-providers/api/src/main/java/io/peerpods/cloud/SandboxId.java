package io.peerpods.cloud;

import io.peerpods.daemon.OutsideText;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Kata's sandbox id: an identifier of containerd ({@code pkg/identifiers}). It becomes the name of a directory and the value of a
 * tag, so each text from outside (a request, a tag, a file name) is parsed here before it is used.
 *
 * @param value 1 to {@link #MAX_LENGTH} letters and digits, with single {@code . _ -} between them
 */
public record SandboxId(String value) implements Comparable<SandboxId> {

    /** Longest id, in characters: containerd's limit. */
    public static final int MAX_LENGTH = 76;

    // No dots in a row, none at the ends, nothing that a path or a URL gives a meaning to.
    private static final Pattern ALLOWED = Pattern.compile("[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*");

    /** @throws IllegalArgumentException when the text is no sandbox id; the message says why */
    public SandboxId {
        if (value.isEmpty()) {
            throw new IllegalArgumentException("the sandbox id is empty");
        }
        if (!isAllowed(value)) {
            throw new IllegalArgumentException("sandbox id \"" + OutsideText.shown(value) + "\" is not 1 to "
                    + MAX_LENGTH + " letters, digits and single inner . _ -");
        }
    }

    /**
     * The id in a text.
     *
     * @throws IllegalArgumentException when the text is no sandbox id; the message says why and is fit for a log
     */
    public static SandboxId parse(String text) {
        return new SandboxId(text);
    }

    /** The id in a text, or empty when the text is none. */
    public static Optional<SandboxId> tryParse(String text) {
        return isAllowed(text) ? Optional.of(new SandboxId(text)) : Optional.empty();
    }

    private static boolean isAllowed(String text) {
        // The length first: the pattern is matched against short texts only.
        return text.length() <= MAX_LENGTH && ALLOWED.matcher(text).matches();
    }

    @Override
    public int compareTo(SandboxId other) {
        return value.compareTo(other.value);
    }

    /** The id itself. */
    @Override
    public String toString() {
        return value;
    }
}
