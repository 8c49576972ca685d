/** Cloud volumes in the pod VM: found, made usable, mounted, unmounted; {@link io.peerpods.agent.volumes.VolumeMounts} first. */
@NullMarked
package io.peerpods.agent.volumes;

import org.jspecify.annotations.NullMarked;
