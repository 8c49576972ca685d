@NullMarked
package io.peerpods.adaptor;

import org.jspecify.annotations.NullMarked;
