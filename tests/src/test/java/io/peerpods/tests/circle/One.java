package io.peerpods.tests.circle;

import io.peerpods.tests.circle.two.Two;

/** Uses two. */
public record One(Two two) {}
