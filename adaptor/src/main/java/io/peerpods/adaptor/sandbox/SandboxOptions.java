package io.peerpods.adaptor.sandbox;

import io.peerpods.config.Initdata;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What the configuration says of all sandboxes.
 *
 * @param agentPort TCP port of podvm-agent
 * @param proxyTimeout from launch until the agent answers
 * @param unstartedTimeout after which a sandbox without StartVM is removed
 * @param sweepInterval between two looks at sandboxes whose pod may be gone
 * @param reconcileInterval between two comparisons of store, kernel and cloud
 * @param vxlanMinId lowest VNI that is given out
 * @param initdata of pods that bring none
 */
public record SandboxOptions(
        Path podsDirectory,
        int agentPort,
        Duration proxyTimeout,
        Duration unstartedTimeout,
        Duration sweepInterval,
        Duration reconcileInterval,
        int vxlanPort,
        int vxlanMinId,
        boolean externalNetwork,
        boolean scratchSpace,
        Optional<Initdata> initdata) {}
