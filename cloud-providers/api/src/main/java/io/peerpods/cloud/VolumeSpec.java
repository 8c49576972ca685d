package io.peerpods.cloud;

import java.util.Map;

/**
 * A cloud volume that a pod mounts, from Kata's direct-volume file.
 *
 * @param name the name inside the pod, {@code vol-0} and on
 * @param volumeId the cloud's name of the volume
 * @param options what else the file said, by key
 */
public record VolumeSpec(String name, String volumeId, Map<String, String> options) {

    public VolumeSpec {
        options = Map.copyOf(options);
    }
}
