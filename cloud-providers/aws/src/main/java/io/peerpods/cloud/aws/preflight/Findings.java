package io.peerpods.cloud.aws.preflight;

import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Finding.Level;
import java.util.ArrayList;
import java.util.List;

/** Findings as they come in. */
final class Findings {

    private final List<Finding> all = new ArrayList<>();

    void ok(String what, String detail) {
        all.add(new Finding(Level.OK, what, detail));
    }

    void warning(String what, String detail) {
        all.add(new Finding(Level.WARNING, what, detail));
    }

    void unchecked(String what, String detail) {
        all.add(new Finding(Level.UNCHECKED, what, detail));
    }

    void error(String what, String detail) {
        all.add(new Finding(Level.ERROR, what, detail));
    }

    List<Finding> all() {
        return List.copyOf(all);
    }
}
