/** A look at a namespace's links, addresses and routes. */
@NullMarked
package io.peerpods.network.kernel;

import org.jspecify.annotations.NullMarked;
