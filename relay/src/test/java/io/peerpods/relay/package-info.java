@NullMarked
package io.peerpods.relay;

import org.jspecify.annotations.NullMarked;
