/** Watching nft rules and putting them back. */
@NullMarked
package io.peerpods.network.guard;

import org.jspecify.annotations.NullMarked;
