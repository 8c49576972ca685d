/**
 * What the network of one pod should be ({@link io.peerpods.network.spec.PodNetworkSpec}, made by {@link io.peerpods.network.worker.WorkerInspection})
 * and the plans that make it so: {@link io.peerpods.network.worker.WorkerPlan} and {@link io.peerpods.network.vm.PodVmPlan}.
 */
@NullMarked
package io.peerpods.network;

import org.jspecify.annotations.NullMarked;
