package io.peerpods.tests.circle.three;

import io.peerpods.tests.circle.One;

/** Uses one again, as a parameter. */
public record Three() {
    /** Closes the circle. */
    public boolean closes(One one) {
        return one.toString().isEmpty();
    }
}
