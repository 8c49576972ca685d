/** What the tests of several modules share: conditions that skip with a reason, temporary namespaces, an inventory of leftovers. */
@NullMarked
package io.peerpods.testing;

import org.jspecify.annotations.NullMarked;
