/** Tests of the stand-in for kata-agent. */
@NullMarked
package io.peerpods.room.standin;

import org.jspecify.annotations.NullMarked;
