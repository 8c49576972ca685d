package io.peerpods.cloud.aws;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.config.AwsSettings;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import java.util.List;

/** The {@code aws} provider. Nothing of the AWS SDK is loaded before {@link #open}. */
public final class AwsType implements CloudProviderType {

    @Override
    public String name() {
        return "aws";
    }

    @Override
    public String summary() {
        return "pod VMs as EC2 instances";
    }

    @Override
    public List<Setting> settings() {
        return AwsSettings.ALL;
    }

    @Override
    public CloudProvider open(Settings settings, Worker worker) throws CloudException, InterruptedException {
        return AwsCloud.open(AwsConfig.of(settings), worker);
    }
}
