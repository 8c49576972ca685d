package io.peerpods.cloud;

import java.util.List;

/**
 * What one pod wants of its VM, fixed when Kata creates the sandbox and stored with it.
 *
 * @param name the VM's name, at most 63 characters of {@code [a-z0-9-]}
 * @param userData the plain user-data, a {@code #cloud-config} document
 * @param externalNetwork whether the VM gets a secondary interface for the pod
 * @param instanceType the exact instance type wanted, or empty
 * @param vcpus CPUs wanted, 0 when unspecified
 * @param memoryMib memory wanted in MiB, 0 when unspecified
 * @param gpus GPUs wanted, 0 when none
 * @param gpuModel the GPU model wanted, or empty
 * @param image the image wanted instead of the configured one, or empty
 */
public record LaunchSpec(
        SandboxId sandboxId,
        String podName,
        String podNamespace,
        String name,
        String userData,
        boolean externalNetwork,
        String instanceType,
        double vcpus,
        long memoryMib,
        int gpus,
        String gpuModel,
        String image,
        List<VolumeSpec> volumes) {

    public LaunchSpec {
        volumes = List.copyOf(volumes);
    }
}
