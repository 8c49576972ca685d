package io.peerpods.cloud.aws.template;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ec2.model.DescribeLaunchTemplateVersionsRequest;
import software.amazon.awssdk.services.ec2.model.LaunchTemplateInstanceNetworkInterfaceSpecification;
import software.amazon.awssdk.services.ec2.model.LaunchTemplateVersion;
import software.amazon.awssdk.services.ec2.model.ResponseLaunchTemplateData;

/** Describes launch templates. */
public final class LaunchTemplates {

    private final Ec2Api ec2;

    public LaunchTemplates(Ec2Api ec2) {
        this.ec2 = ec2;
    }

    /**
     * The default version of a template.
     *
     * @throws CloudException when it does not exist, or has security groups beside network interfaces: EC2 rejects those
     *     together with the interfaces that every launch names
     */
    public LaunchTemplate describe(String name) throws CloudException, InterruptedException {
        List<LaunchTemplateVersion> versions = ec2.describeLaunchTemplateVersions(
                        DescribeLaunchTemplateVersionsRequest.builder()
                                .launchTemplateName(name)
                                .versions("$Default")
                                .build())
                .launchTemplateVersions();
        if (versions.isEmpty()) {
            throw new NotFound(
                    Outcome.NOT_DONE, "launch template " + name + " (PODVM_LAUNCHTEMPLATE_NAME) does not exist");
        }
        LaunchTemplateVersion version = versions.getFirst();
        ResponseLaunchTemplateData data = version.launchTemplateData();
        List<String> loose = new ArrayList<>(data.securityGroupIds());
        loose.addAll(data.securityGroups());
        if (!loose.isEmpty()) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "launch template " + name + " has security groups " + loose + " of the instance: EC2 rejects them"
                            + " together with network interfaces, which every launch names. Make a version of the"
                            + " template without them and put them into AWS_SG_IDS, or into the template's network"
                            + " interface 0");
        }
        var first = data.networkInterfaces().stream()
                .filter(nic -> nic.deviceIndex() == null || nic.deviceIndex() == 0)
                .findFirst();
        return new LaunchTemplate(
                name,
                String.valueOf(version.versionNumber()),
                text(data.imageId()),
                text(data.instanceTypeAsString()),
                text(data.keyName()),
                first.map(nic -> text(nic.subnetId())).orElse(""),
                first.map(LaunchTemplateInstanceNetworkInterfaceSpecification::groups)
                        .orElse(List.of()),
                !data.blockDeviceMappings().isEmpty(),
                data.cpuOptions() != null);
    }

    private static String text(@Nullable String text) {
        return text == null ? "" : text;
    }
}
