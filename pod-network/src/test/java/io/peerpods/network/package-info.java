@NullMarked
package io.peerpods.network;

import org.jspecify.annotations.NullMarked;
