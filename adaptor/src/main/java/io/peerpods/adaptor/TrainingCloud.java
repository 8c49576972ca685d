package io.peerpods.adaptor;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import java.util.List;

/** The cloud of the training run: there is nothing in it. */
final class TrainingCloud implements CloudProviderType, CloudProvider {

    @Override
    public String name() {
        return "train";
    }

    @Override
    public String summary() {
        return "nothing, for the training run";
    }

    @Override
    public List<Setting> settings() {
        return List.of();
    }

    @Override
    public CloudProvider open(Settings settings, Worker worker) {
        return this;
    }

    @Override
    public PodVm launch(LaunchSpec spec, LaunchLog log) throws CloudException {
        throw new CloudException.NoCapacity(CloudException.Outcome.NOT_DONE, "a training run launches nothing");
    }

    @Override
    public void delete(SandboxId sandboxId, LaunchLog log) {}

    @Override
    public List<OwnedVm> owned() {
        return List.of();
    }

    @Override
    public List<Finding> check() {
        return List.of();
    }

    @Override
    public void close() {}
}
