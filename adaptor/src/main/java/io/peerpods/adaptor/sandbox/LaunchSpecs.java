package io.peerpods.adaptor.sandbox;

import io.peerpods.cloud.DirectVolumes;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.InstanceName;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.UserData;
import io.peerpods.config.WorkerTls;
import io.peerpods.network.PodNetworkSpec;

/** Fixes everything that a VM's launch needs, its certificate and user-data included, so that a repeated launch is the same launch. */
final class LaunchSpecs {

    private final SandboxOptions options;
    private final WorkerTls tls;
    private final DirectVolumes volumes;

    LaunchSpecs(SandboxOptions options, WorkerTls tls, DirectVolumes volumes) {
        this.options = options;
        this.tls = tls;
        this.volumes = volumes;
    }

    LaunchSpec make(String id, PodRequest pod, PodNetworkSpec network) {
        String name = InstanceName.of(pod.name(), id);
        return new LaunchSpec(
                id,
                pod.name(),
                pod.namespace(),
                name,
                userData(name, pod, network),
                options.externalNetwork(),
                pod.instanceType(),
                pod.vcpus(),
                pod.memoryMib(),
                pod.gpus(),
                pod.gpuModel(),
                pod.image(),
                volumes.of(pod.uid()));
    }

    private String userData(String name, PodRequest pod, PodNetworkSpec network) {
        AgentConfig config = tls.secure(AgentConfig.of(pod.namespace(), pod.name(), network.toJson()), name);
        UserData.Builder document = UserData.builder().file(PodVmPaths.AGENT_CONFIG, config.toJson());
        pod.initdata()
                .or(options::initdata)
                .ifPresent(initdata -> document.file(PodVmPaths.INITDATA, initdata.encode()));
        if (options.scratchSpace()) {
            document.file(PodVmPaths.SCRATCH_SPACE_MARKER, "");
        }
        return document.build().render();
    }
}
