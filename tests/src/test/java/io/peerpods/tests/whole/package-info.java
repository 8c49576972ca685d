/** The whole way and the lab, as tests: the check table first, then what happens when parts die, are late or are missing. */
@NullMarked
package io.peerpods.tests.whole;

import org.jspecify.annotations.NullMarked;
