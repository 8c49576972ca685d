package io.peerpods.adaptor.sandbox;

import com.google.gson.JsonObject;
import io.grpc.StatusException;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.SandboxId;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.InstanceName;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.tls.WorkerTls;
import io.peerpods.config.userdata.UserData;
import io.peerpods.network.spec.PodNetworkSpec;
import java.util.concurrent.FutureTask;

/** Fixes everything that a VM's launch needs, its certificate and user-data included, so that a repeated launch is the same launch. */
final class LaunchSpecs {

    private final SandboxOptions options;
    private final WorkerTls tls;
    private final PodVolumes volumes;

    LaunchSpecs(SandboxOptions options, WorkerTls tls, PodVolumes volumes) {
        this.options = options;
        this.tls = tls;
        this.volumes = volumes;
    }

    /**
     * Begins with what takes longest, the VM's key and certificate, on a thread of its own: they need no more than the pod's name, so the
     * pod's network can be looked at meanwhile.
     */
    FutureTask<AgentConfig> beginCertificate(SandboxId id, PodRequest pod) {
        FutureTask<AgentConfig> secured = new FutureTask<>(() -> tls.secure(
                AgentConfig.of(pod.namespace(), pod.name(), new JsonObject()),
                InstanceName.of(pod.name(), id.value())));
        Thread.ofVirtual().name("certificate").start(secured);
        return secured;
    }

    LaunchSpec make(SandboxId id, PodRequest pod, PodNetworkSpec network, AgentConfig secured) throws StatusException {
        String name = InstanceName.of(pod.name(), id.value());
        return new LaunchSpec(
                id,
                pod.name(),
                pod.namespace(),
                name,
                userData(pod, network, secured),
                options.externalNetwork(),
                pod.instanceType(),
                pod.vcpus(),
                pod.memoryMib(),
                pod.gpus(),
                pod.gpuModel(),
                pod.image(),
                volumes.of(pod));
    }

    private String userData(PodRequest pod, PodNetworkSpec network, AgentConfig secured) {
        AgentConfig config = new AgentConfig(
                secured.podNamespace(),
                secured.podName(),
                network.toJson(),
                secured.tlsServerKey(),
                secured.tlsServerCertificate(),
                secured.tlsClientCa(),
                secured.tlsMinVersion(),
                secured.tlsCipherSuites(),
                secured.other());
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
