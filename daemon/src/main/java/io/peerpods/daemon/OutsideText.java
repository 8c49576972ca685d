package io.peerpods.daemon;

/**
 * Texts from outside (requests, files, answers of a cloud) in lines of a log and in messages. Characters that move the cursor, end a line
 * or change the direction of what follows are replaced.
 */
public final class OutsideText {

    /** Most characters of a text that {@link #shown} keeps. */
    public static final int LONGEST_SHOWN = 80;

    private OutsideText() {}

    /** The text with {@code ?} for each character that is not printable, cut after {@link #LONGEST_SHOWN} characters. */
    public static String shown(String text) {
        StringBuilder shown = new StringBuilder();
        int at = 0;
        for (int count = 0; at < text.length() && count < LONGEST_SHOWN; count++) {
            int point = text.codePointAt(at);
            shown.appendCodePoint(isPrintable(point) ? point : '?');
            at += Character.charCount(point);
        }
        if (at < text.length()) {
            shown.append(".. (").append(text.length()).append(" characters)");
        }
        return shown.toString();
    }

    /** Whether every character of the text is printable; the empty text is. */
    public static boolean isPrintable(String text) {
        return text.codePoints().allMatch(OutsideText::isPrintable);
    }

    /** Whether a code point is none of Unicode's control, format and separator characters, nor half of a pair. */
    static boolean isPrintable(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }
}
