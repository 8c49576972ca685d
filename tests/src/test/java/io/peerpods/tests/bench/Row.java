package io.peerpods.tests.bench;

import java.util.function.DoublePredicate;
import org.jspecify.annotations.Nullable;

/**
 * One line of the table.
 *
 * @param unit of ours and the reference
 * @param reference measured alternating with ours; null when there is nothing to compare with
 * @param promise what is promised, in words; empty: nothing is
 * @param judged what the promise is about: the ratio, or ours
 * @param met null when nothing is promised
 */
record Row(
        String what,
        String unit,
        Series ours,
        @Nullable Series reference,
        String promise,
        double judged,
        @Nullable DoublePredicate met) {

    /** Ours over the reference must be at least that. */
    static Row ratioAtLeast(String what, String unit, Series ours, Series reference, double least) {
        double ratio = ours.median() / reference.median();
        return new Row(what, unit, ours, reference, "ratio >= " + least, ratio, value -> value >= least);
    }

    /** The median of ours must be at most that. */
    static Row atMost(String what, String unit, Series ours, double most) {
        return new Row(what, unit, ours, null, "<= " + Series.text(most) + " " + unit, ours.median(), v -> v <= most);
    }

    /** The 99th percentile of ours must be below that. */
    static Row p99Below(String what, String unit, Series ours, double bound) {
        return new Row(
                what,
                unit,
                ours,
                null,
                "p99 < " + Series.text(bound) + " " + unit,
                ours.percentile(99),
                v -> v < bound);
    }

    /** Ours may be that much more than the reference. */
    static Row addsAtMost(String what, String unit, Series ours, Series reference, double most) {
        double added = ours.median() - reference.median();
        return new Row(what, unit, ours, reference, "adds <= " + Series.text(most) + " " + unit, added, v -> v <= most);
    }

    /** A figure to know. */
    static Row plain(String what, String unit, Series ours, @Nullable Series reference) {
        return new Row(what, unit, ours, reference, "", Double.NaN, null);
    }

    /** Empty when nothing is promised. */
    String verdict() {
        if (met == null) {
            return "";
        }
        if (Double.isNaN(judged)) {
            return "not measured";
        }
        String margin = promise.startsWith("<=") || promise.startsWith("ratio") ? "" : " (" + Series.text(judged) + ")";
        return (met.test(judged) ? "yes" : "NO") + margin;
    }

    String ratio() {
        return reference == null ? "" : Series.text(ours.median() / reference.median());
    }
}
