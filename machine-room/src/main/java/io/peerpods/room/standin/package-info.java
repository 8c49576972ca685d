/** A stand-in for kata-agent where a pod VM image has none: {@link io.peerpods.room.standin.StandInKataAgent} first. */
@NullMarked
package io.peerpods.room.standin;

import org.jspecify.annotations.NullMarked;
