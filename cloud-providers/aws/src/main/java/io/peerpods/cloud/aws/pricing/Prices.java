package io.peerpods.cloud.aws.pricing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * Dollars an hour by instance type, good enough to put types in order: on-demand prices of one region, which differ
 * between regions by a factor that is much the same for every type.
 *
 * <p>A line of the table is {@code m6a.large 0.0864}, or {@code m6a.* 0.0864} for a family: the price of its large, the
 * other sizes follow. A line for a type beats its family's. {@code #} starts a comment.
 */
public final class Prices {

    private static final String TABLE = "prices.txt";

    private final Map<String, Double> table;

    private Prices(Map<String, Double> table) {
        this.table = table;
    }

    /** The built-in table. */
    public static Prices builtIn() {
        var stream = Objects.requireNonNull(Prices.class.getResourceAsStream(TABLE), TABLE);
        try (var reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            return parse(TABLE, reader.lines().toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The operator's table, instead of the built-in one.
     *
     * @throws IOException when it cannot be read; {@link IllegalArgumentException} naming the line that is wrong
     */
    public static Prices read(Path file) throws IOException {
        return parse(file.toString(), Files.readAllLines(file));
    }

    /**
     * A table from its lines.
     *
     * @param name what it is called in messages
     * @throws IllegalArgumentException naming the line that is wrong
     */
    public static Prices parse(String name, List<String> lines) {
        Map<String, Double> table = new HashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).replaceFirst("#.*", "").strip();
            if (line.isEmpty()) {
                continue;
            }
            List<String> words = List.of(line.split("\\s+"));
            double price = words.size() == 2 ? price(words.get(1)) : 0;
            if (price <= 0 || !words.getFirst().contains(".")) {
                throw new IllegalArgumentException(
                        name + ":" + (i + 1) + ": \"" + line + "\" is not a type and dollars an hour");
            }
            table.put(words.getFirst(), price);
        }
        return new Prices(Map.copyOf(table));
    }

    private static double price(String word) {
        try {
            double price = Double.parseDouble(word);
            return Double.isFinite(price) ? price : 0;
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** The price of a type, or empty when the table does not have it. */
    public OptionalDouble dollarsAnHour(String type) {
        Double exact = table.get(type);
        if (exact != null) {
            return OptionalDouble.of(exact);
        }
        int dot = type.indexOf('.');
        Double large = dot < 0 ? null : table.get(type.substring(0, dot) + ".*");
        double larges = dot < 0 ? 0 : larges(type.substring(dot + 1));
        return large == null || larges == 0 ? OptionalDouble.empty() : OptionalDouble.of(large * larges);
    }

    /** How many times a large a size is; 0 when it has no such measure. */
    private static double larges(String size) {
        return switch (size) {
            case "nano" -> 1 / 16.0;
            case "micro" -> 1 / 8.0;
            case "small" -> 1 / 4.0;
            case "medium" -> 1 / 2.0;
            case "large" -> 1;
            case "xlarge" -> 2;
            default ->
                size.matches("[1-9][0-9]{0,2}xlarge")
                        ? 2.0 * Integer.parseInt(size.substring(0, size.length() - "xlarge".length()))
                        : 0;
        };
    }
}
