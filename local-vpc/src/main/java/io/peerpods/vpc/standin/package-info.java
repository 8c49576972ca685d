/** A stand-in for kata-agent where a pod VM image has none: {@link io.peerpods.vpc.standin.StandInKataAgent} first. */
@NullMarked
package io.peerpods.vpc.standin;

import org.jspecify.annotations.NullMarked;
