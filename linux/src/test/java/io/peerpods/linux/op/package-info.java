@NullMarked
package io.peerpods.linux.op;

import org.jspecify.annotations.NullMarked;
