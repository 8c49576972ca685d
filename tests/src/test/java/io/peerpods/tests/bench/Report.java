package io.peerpods.tests.bench;

import java.util.ArrayList;
import java.util.List;

/** Prints the table: to read, and as Markdown for a page. */
final class Report {
    private static final List<String> HEAD =
            List.of("what", "median", "lowest..highest", "reference", "ratio", "promise", "met");

    private final List<List<String>> lines = new ArrayList<>();
    private final List<String> missing = new ArrayList<>();

    void add(Row row) {
        lines.add(List.of(
                row.what(),
                Series.text(row.ours().median()) + " " + row.unit(),
                row.ours().spread(),
                row.reference() == null ? "" : Series.text(row.reference().median()),
                row.ratio(),
                row.promise(),
                row.verdict()));
        System.out.println("  " + row.what() + ": " + Series.text(row.ours().median()) + " " + row.unit()
                + (row.ratio().isEmpty() ? "" : ", ratio " + row.ratio())
                + (row.verdict().isEmpty() ? "" : ", " + row.promise() + ": " + row.verdict()));
    }

    /** A group of rows that could not be measured here, and why. */
    void missing(String what, String why) {
        missing.add(what + ": " + why);
        System.out.println("  " + what + ": not measured: " + why);
    }

    String text() {
        List<List<String>> all = new ArrayList<>();
        all.add(HEAD);
        all.addAll(lines);
        int[] widths = new int[HEAD.size()];
        for (List<String> line : all) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (int l = 0; l < all.size(); l++) {
            text.append('|');
            for (int i = 0; i < widths.length; i++) {
                String cell = all.get(l).get(i);
                text.append(' ')
                        .append(cell)
                        .append(" ".repeat(widths[i] - cell.length()))
                        .append(" |");
            }
            text.append('\n');
            if (l == 0) {
                text.append('|');
                for (int width : widths) {
                    text.append("-".repeat(width + 2)).append('|');
                }
                text.append('\n');
            }
        }
        missing.forEach(line -> text.append("not measured: ").append(line).append('\n'));
        return text.toString();
    }
}
