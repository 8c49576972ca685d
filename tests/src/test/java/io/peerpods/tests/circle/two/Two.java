package io.peerpods.tests.circle.two;

import io.peerpods.tests.circle.three.Three;

/** Uses three. */
public record Two(Three three) {}
