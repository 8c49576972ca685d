@NullMarked
package io.peerpods.ttrpc;

import org.jspecify.annotations.NullMarked;
