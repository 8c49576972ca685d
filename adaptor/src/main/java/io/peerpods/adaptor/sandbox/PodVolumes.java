package io.peerpods.adaptor.sandbox;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.volumes.DirectVolumes;
import io.peerpods.cloud.VolumeSpec;
import java.io.IOException;
import java.util.List;

/**
 * Which volumes of this worker are a pod's. The cluster is asked for the pod's UID only when there are any volumes here and the
 * runtime has not told it.
 *
 * @param onWorker the volumes of all pods of this worker
 */
public record PodVolumes(DirectVolumes onWorker, PodUids uids) {

    /** @throws StatusException UNAVAILABLE: without its UID the pod would run without its volumes, and write elsewhere */
    List<VolumeSpec> of(PodRequest pod) throws StatusException {
        String uid = pod.uid().isEmpty() && !onWorker.isEmpty() ? uidOf(pod) : pod.uid();
        return onWorker.of(uid);
    }

    private String uidOf(PodRequest pod) throws StatusException {
        try {
            return uids.of(pod.namespace(), pod.name()).orElse("");
        } catch (IOException e) {
            throw Status.UNAVAILABLE
                    .withDescription("pod " + pod.pod()
                            + ": its volumes cannot be found, for its UID cannot be looked up: " + e.getMessage())
                    .withCause(e)
                    .asException();
        }
    }
}
