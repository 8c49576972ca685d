package io.peerpods.daemon;

import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Values as Go's {@code flag} package reads them: {@code strconv.ParseBool} (in any case, as the existing system's environment),
 * {@code strconv.ParseInt} with base 0, {@code time.ParseDuration}. What cannot be read throws {@link IllegalArgumentException} with a
 * text that completes "the value ...".
 */
public final class GoSyntax {

    private static final Pattern NUMBER =
            Pattern.compile("([+-]?)(0[xX]_?|0[bB]_?|0[oO]_?|0_?(?=[0-9]))?([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)");
    private static final Pattern DURATION_PART =
            Pattern.compile("([0-9]*)(?:\\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)");

    private GoSyntax() {}

    /** {@code 1 t true 0 f false} in any case. */
    public static boolean bool(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "1", "t", "true" -> true;
            case "0", "f", "false" -> false;
            default -> throw new IllegalArgumentException("is not one of true, t, 1, false, f, 0");
        };
    }

    /** A whole number: decimal, {@code 0x}, {@code 0o} or {@code 0}, {@code 0b}, with {@code _} between digits of those. */
    public static int number(String text) {
        Matcher matcher = NUMBER.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("is not a whole number");
        }
        String prefix = matcher.group(2) == null ? "" : matcher.group(2).toLowerCase(Locale.ROOT);
        int radix = prefix.isEmpty() ? 10 : prefix.startsWith("0x") ? 16 : prefix.startsWith("0b") ? 2 : 8;
        BigInteger value;
        try {
            value = new BigInteger(matcher.group(1) + matcher.group(3).replace("_", ""), radix);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is not a whole number", e);
        }
        if (value.bitLength() > 31) {
            throw new IllegalArgumentException("is not between " + Integer.MIN_VALUE + " and " + Integer.MAX_VALUE);
        }
        return value.intValue();
    }

    /** {@code 1h2m3s}, {@code 1.5s}, {@code 300ms}; units h, m, s, ms, us, ns; only 0 may come without. */
    public static Duration duration(String text) {
        boolean negative = text.startsWith("-");
        String rest = negative || text.startsWith("+") ? text.substring(1) : text;
        if (rest.equals("0")) {
            return Duration.ZERO;
        }
        BigInteger total = BigInteger.ZERO;
        Matcher matcher = DURATION_PART.matcher(rest);
        int at = 0;
        while (at < rest.length() && matcher.find(at) && matcher.start() == at) {
            String fraction = matcher.group(2) == null ? "" : matcher.group(2);
            if (matcher.group(1).isEmpty() && fraction.isEmpty()) {
                break;
            }
            BigInteger digits = new BigInteger("0" + matcher.group(1) + fraction);
            total = total.add(digits.multiply(nanos(matcher.group(3))).divide(BigInteger.TEN.pow(fraction.length())));
            at = matcher.end();
        }
        if (at == 0 || at < rest.length()) {
            throw new IllegalArgumentException("is not a duration such as 5m, 1h30m or 300ms (the unit is needed)");
        }
        if (total.bitLength() > 63) {
            throw new IllegalArgumentException("is longer than 2562047h47m16s");
        }
        Duration length = Duration.ofNanos(total.longValueExact());
        return negative ? length.negated() : length;
    }

    private static BigInteger nanos(String unit) {
        return BigInteger.valueOf(
                switch (unit) {
                    case "ns" -> 1L;
                    case "ms" -> 1_000_000L;
                    case "s" -> 1_000_000_000L;
                    case "m" -> 60_000_000_000L;
                    case "h" -> 3_600_000_000_000L;
                    default -> 1_000L;
                });
    }

    /** Comma-separated items without the blanks around them; empty ones are dropped. */
    public static List<String> list(String text) {
        List<String> items = new ArrayList<>();
        for (String item : text.split(",", -1)) {
            if (!item.isBlank()) {
                items.add(item.strip());
            }
        }
        return List.copyOf(items);
    }
}
