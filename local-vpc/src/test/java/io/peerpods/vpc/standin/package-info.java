/** Tests of the stand-in for kata-agent. */
@NullMarked
package io.peerpods.vpc.standin;

import org.jspecify.annotations.NullMarked;
