package io.peerpods.cloud.local;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.Worker;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import io.peerpods.vpc.LocalVpc;
import java.util.List;

/**
 * The provider that needs no cloud: a pod VM is a set of Linux namespaces on this machine, with the real podvm-agent in it, in a VPC that
 * behaves as EC2's.
 */
public final class LocalType implements CloudProviderType {

    @Override
    public String name() {
        return "local";
    }

    @Override
    public String summary() {
        return "pod VMs as Linux namespaces on this machine (needs root)";
    }

    @Override
    public List<Setting> settings() {
        return LocalSettings.TABLE;
    }

    @Override
    public CloudProvider open(Settings settings, Worker worker) throws CloudException {
        return LocalCloud.start(LocalConfig.of(settings), worker);
    }

    /** Whether the command line asks for {@link #cleanup} instead of a daemon. */
    public boolean wantsCleanup(Settings settings) {
        return settings.on(LocalSettings.CLEANUP);
    }

    /**
     * Removes the VPC of these settings with everything in it, be it that its maker was killed. Nothing there is fine.
     *
     * @return what there was, one line a thing
     */
    public List<String> cleanup(Settings settings) throws CloudException {
        try {
            return LocalVpc.cleanup(LocalConfig.vpc(settings));
        } catch (RuntimeException e) {
            throw new CloudException.Unavailable(
                    CloudException.Outcome.UNKNOWN, "the local VPC could not be removed: " + e.getMessage(), e);
        }
    }
}
