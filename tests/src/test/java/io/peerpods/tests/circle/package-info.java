/** Three packages in a circle, for the check that has to see it. */
@NullMarked
package io.peerpods.tests.circle;

import org.jspecify.annotations.NullMarked;
