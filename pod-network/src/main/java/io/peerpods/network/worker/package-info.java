/** The worker's side: inspection of the pod's namespace, the plan of the tunnel, its probe, and what other programs do beside it. */
@NullMarked
package io.peerpods.network.worker;

import org.jspecify.annotations.NullMarked;
