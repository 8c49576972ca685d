package io.peerpods.adaptor.sandbox;

import io.peerpods.cloud.DirectVolumes;
import io.peerpods.cloud.VolumeSpec;
import java.util.List;

/**
 * Which volumes of this worker are a pod's. The cluster is asked for the pod's UID only when there are any volumes here and the
 * runtime has not told it.
 *
 * @param onWorker the volumes of all pods of this worker
 */
public record PodVolumes(DirectVolumes onWorker, PodUids uids) {

    List<VolumeSpec> of(PodRequest pod) {
        String uid = pod.uid().isEmpty() && !onWorker.isEmpty()
                ? uids.of(pod.namespace(), pod.name()).orElse("")
                : pod.uid();
        return onWorker.of(uid);
    }
}
