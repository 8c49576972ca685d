package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.capacity.Candidate;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.config.CapacityType;
import io.peerpods.cloud.aws.image.Image;
import io.peerpods.cloud.aws.tag.Tags;
import io.peerpods.cloud.aws.userdata.UserDataText;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.model.*;

/** Builds the one request that launches a pod VM with everything that belongs to it. No call is made here. */
public final class InstanceRequest {

    private final AwsConfig config;
    private final Worker worker;
    private final Tags tags;

    public InstanceRequest(AwsConfig config, Worker worker, Tags tags) {
        this.config = config;
        this.worker = worker;
        this.tags = tags;
    }

    /**
     * The request of one generation of a launch.
     *
     * @throws CloudException when the user-data does not fit
     */
    public RunInstancesRequest build(
            LaunchFacts facts, LaunchSpec spec, Candidate candidate, Image image, int generation, Instant created)
            throws CloudException {
        List<Tag> all = tags.of(spec, generation, created, facts.workerArn());
        var request = RunInstancesRequest.builder()
                .minCount(1)
                .maxCount(1)
                .clientToken(ClientToken.of(worker.clusterId(), spec.sandboxId(), generation, "instance"))
                .instanceType(candidate.type().name())
                .userData(UserDataText.pack(spec.userData()))
                .networkInterfaces(interfaces(facts, spec, candidate))
                .instanceInitiatedShutdownBehavior(ShutdownBehavior.TERMINATE)
                .metadataOptions(InstanceMetadataOptionsRequest.builder()
                        .httpEndpoint(InstanceMetadataEndpointState.ENABLED)
                        .httpTokens(HttpTokensState.REQUIRED)
                        .httpPutResponseHopLimit(1)
                        .build())
                .tagSpecifications(tagged(all, candidate.capacity()));
        imageId(facts, spec).ifPresent(request::imageId);
        facts.template()
                .ifPresent(template -> request.launchTemplate(LaunchTemplateSpecification.builder()
                        .launchTemplateName(template.name())
                        .version(template.version())
                        .build()));
        if (!facts.keyName().isEmpty()) {
            request.keyName(facts.keyName());
        }
        if (!config.instanceProfile().isEmpty()) {
            request.iamInstanceProfile(profile(config.instanceProfile()));
        }
        if (ownRootVolume(facts)) {
            request.blockDeviceMappings(rootVolume(image));
        }
        if (confidential(facts)) {
            request.cpuOptions(CpuOptionsRequest.builder()
                    .amdSevSnp(AmdSevSnpSpecification.ENABLED)
                    .build());
        }
        if (candidate.capacity() == CapacityType.SPOT) {
            request.instanceMarketOptions(InstanceMarketOptionsRequest.builder()
                    .marketType(MarketType.SPOT)
                    .spotOptions(SpotMarketOptions.builder()
                            .spotInstanceType(SpotInstanceType.ONE_TIME)
                            .instanceInterruptionBehavior(InstanceInterruptionBehavior.TERMINATE)
                            .build())
                    .build());
        }
        return request.build();
    }

    /** The image to name in the request; empty leaves the launch template's. */
    private static Optional<String> imageId(LaunchFacts facts, LaunchSpec spec) {
        String id = spec.image().isEmpty() ? facts.image() : spec.image();
        return id.isEmpty() ? Optional.empty() : Optional.of(id);
    }

    /** Whether SEV-SNP is asked for: always, unless the operator or a launch template's own CPU options say no. */
    public boolean confidential(LaunchFacts facts) {
        boolean left = facts.template()
                .filter(template -> template.cpuOptions() && !config.confidentialGiven())
                .isPresent();
        return config.confidential() && !left;
    }

    private boolean ownRootVolume(LaunchFacts facts) {
        return facts.template()
                .filter(template -> template.rootVolume() && !config.rootVolumeGiven())
                .isEmpty();
    }

    /** Whether the secondary interface is part of the launch, or comes while the VM boots. */
    boolean secondaryInLaunch(LaunchSpec spec) {
        return spec.externalNetwork() && !(config.publicIp() && config.twoNic() == AwsConfig.TwoNic.ATTACH);
    }

    private List<InstanceNetworkInterfaceSpecification> interfaces(
            LaunchFacts facts, LaunchSpec spec, Candidate candidate) {
        List<InstanceNetworkInterfaceSpecification> nics = new ArrayList<>();
        var primary = InstanceNetworkInterfaceSpecification.builder()
                .deviceIndex(0)
                .subnetId(candidate.placement().primary().id())
                .groups(facts.groups())
                .deleteOnTermination(true);
        // EC2 gives an automatic public address only to a launch with exactly one interface.
        if (config.publicIp() && !secondaryInLaunch(spec)) {
            primary.associatePublicIpAddress(true);
        }
        nics.add(primary.build());
        if (secondaryInLaunch(spec)) {
            nics.add(InstanceNetworkInterfaceSpecification.builder()
                    .deviceIndex(1)
                    .subnetId(candidate.placement().secondary().id())
                    .groups(facts.secondaryGroups())
                    .deleteOnTermination(true)
                    .build());
        }
        return nics;
    }

    private BlockDeviceMapping rootVolume(Image image) {
        var volume = EbsBlockDevice.builder()
                .volumeType(VolumeType.GP3)
                .encrypted(true)
                .deleteOnTermination(true);
        if (config.rootVolumeGib() > 0) {
            volume.volumeSize(Math.max(config.rootVolumeGib(), image.rootGib()));
        }
        return BlockDeviceMapping.builder()
                .deviceName(image.rootDevice())
                .ebs(volume.build())
                .build();
    }

    private static IamInstanceProfileSpecification profile(String nameOrArn) {
        var profile = IamInstanceProfileSpecification.builder();
        return (nameOrArn.startsWith("arn:") ? profile.arn(nameOrArn) : profile.name(nameOrArn)).build();
    }

    private static List<TagSpecification> tagged(List<Tag> tags, CapacityType capacity) {
        List<TagSpecification> specifications = new ArrayList<>(List.of(
                Tags.on(ResourceType.INSTANCE, tags),
                Tags.on(ResourceType.NETWORK_INTERFACE, tags),
                Tags.on(ResourceType.VOLUME, tags)));
        if (capacity == CapacityType.SPOT) {
            specifications.add(Tags.on(ResourceType.SPOT_INSTANCES_REQUEST, tags));
        }
        return specifications;
    }
}
