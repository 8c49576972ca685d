@NullMarked
package io.peerpods.daemon;

import org.jspecify.annotations.NullMarked;
