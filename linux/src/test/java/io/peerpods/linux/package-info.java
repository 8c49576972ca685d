@NullMarked
package io.peerpods.linux;

import org.jspecify.annotations.NullMarked;
