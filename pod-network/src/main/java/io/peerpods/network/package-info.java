/**
 * What the network of one pod should be ({@link io.peerpods.network.PodNetworkSpec}, made by {@link io.peerpods.network.WorkerInspection})
 * and the plans that make it so: {@link io.peerpods.network.WorkerPlan} and {@link io.peerpods.network.PodVmPlan}.
 */
@NullMarked
package io.peerpods.network;

import org.jspecify.annotations.NullMarked;
