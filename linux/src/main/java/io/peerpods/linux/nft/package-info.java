/** nftables: one table of our own, rules that carry their owner, one transaction per change. */
@NullMarked
package io.peerpods.linux.nft;

import org.jspecify.annotations.NullMarked;
