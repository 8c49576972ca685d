@NullMarked
package io.peerpods.linux.nft;

import org.jspecify.annotations.NullMarked;
