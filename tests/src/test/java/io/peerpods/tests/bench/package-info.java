/** {@code make bench}: the figures that the README promises, each next to a reference taken in the same run. */
@NullMarked
package io.peerpods.tests.bench;

import org.jspecify.annotations.NullMarked;
