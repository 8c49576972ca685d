package io.peerpods.adaptor.store;

import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.network.spec.PodNetworkSpec;
import java.time.Instant;
import java.util.Optional;

/**
 * All that is known of a sandbox, as it is stored.
 *
 * @param netns path of the pod's network namespace on the worker
 * @param netnsIdentity device and inode of it, for a path comes back with another namespace
 * @param network the pod's network, with the VNI that no other living sandbox has
 * @param spec what the VM is launched with; holds its private key
 * @param launchLog the provider's memory of launches, empty when none was tried
 * @param vm the VM once it is launched
 * @param changed when the state was entered
 */
public record SandboxRow(
        SandboxState state,
        String netns,
        String netnsIdentity,
        PodNetworkSpec network,
        LaunchSpec spec,
        Optional<String> launchLog,
        Optional<PodVm> vm,
        Instant created,
        Instant changed) {

    public SandboxId id() {
        return spec.sandboxId();
    }

    public int vni() {
        return network.vxlanId();
    }

    /** Namespace and name of the pod, for messages. */
    public String pod() {
        return spec.podNamespace() + "/" + spec.podName();
    }

    SandboxRow withLaunchLog(String text) {
        return new SandboxRow(state, netns, netnsIdentity, network, spec, Optional.of(text), vm, created, changed);
    }

    SandboxRow withState(SandboxState next, Instant now) {
        return new SandboxRow(next, netns, netnsIdentity, network, spec, launchLog, vm, created, now);
    }

    SandboxRow withVm(PodVm launched, Instant now) {
        return new SandboxRow(
                SandboxState.LAUNCHED,
                netns,
                netnsIdentity,
                network,
                spec,
                launchLog,
                Optional.of(launched),
                created,
                now);
    }

    /** Without the launch specification, which holds a key. */
    @Override
    public String toString() {
        return id() + " (" + pod() + ", " + state + ")";
    }
}
