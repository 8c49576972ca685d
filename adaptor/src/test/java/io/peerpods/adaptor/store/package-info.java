@NullMarked
package io.peerpods.adaptor.store;

import org.jspecify.annotations.NullMarked;
