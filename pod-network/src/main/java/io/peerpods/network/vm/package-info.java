/** The VM's side: its NICs, the plan of the pod's namespace, and what is watched there. */
@NullMarked
package io.peerpods.network.vm;

import org.jspecify.annotations.NullMarked;
