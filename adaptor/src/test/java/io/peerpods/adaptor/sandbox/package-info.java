@NullMarked
package io.peerpods.adaptor.sandbox;

import org.jspecify.annotations.NullMarked;
