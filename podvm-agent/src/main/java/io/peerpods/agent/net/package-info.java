/** The pod's network on its VM: {@link io.peerpods.agent.net.PodNetwork} first. */
@NullMarked
package io.peerpods.agent.net;

import org.jspecify.annotations.NullMarked;
