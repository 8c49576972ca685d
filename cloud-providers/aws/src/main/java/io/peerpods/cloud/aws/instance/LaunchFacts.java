package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.image.Images;
import io.peerpods.cloud.aws.instancetype.InstanceType;
import io.peerpods.cloud.aws.instancetype.InstanceTypes;
import io.peerpods.cloud.aws.instancetype.TypeChoice;
import io.peerpods.cloud.aws.metadata.WorkerMetadata;
import io.peerpods.cloud.aws.pricing.Prices;
import io.peerpods.cloud.aws.subnet.Placement;
import io.peerpods.cloud.aws.subnet.Subnet;
import io.peerpods.cloud.aws.subnet.Subnets;
import io.peerpods.cloud.aws.template.LaunchTemplate;
import io.peerpods.cloud.aws.template.LaunchTemplates;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What every launch is made from: the settings, completed by the launch template and by the worker's own metadata where
 * they say nothing, and what EC2 tells of the things they name.
 *
 * @param image the id of the image, or empty when the launch template's is taken
 * @param bootImage the id of that image, from the settings or the template
 * @param workerArn the worker's own instance, where it is one
 * @param publicSubnets secondary subnets that route to an internet gateway, as far as that was asked
 */
public record LaunchFacts(
        List<Placement> placements,
        List<String> groups,
        List<String> secondaryGroups,
        String keyName,
        Optional<String> workerArn,
        String image,
        String bootImage,
        Optional<LaunchTemplate> template,
        TypeChoice types,
        Prices prices,
        Set<String> publicSubnets) {

    private static final Logger log = LoggerFactory.getLogger(LaunchFacts.class);

    /**
     * Gathers them. Asks the metadata service only for what nothing else says, and EC2 once for each kind of thing. A thing that does
     * not work does not keep the others from being looked at.
     *
     * @param problems takes each thing that does not work
     * @throws CloudException naming the first setting that is missing or wrong
     */
    public static LaunchFacts gather(
            AwsConfig config,
            boolean externalNetwork,
            Ec2Api ec2,
            Images images,
            WorkerMetadata metadata,
            Problems problems)
            throws CloudException, InterruptedException {
        Optional<Optional<LaunchTemplate>> described =
                problems.look("launch template", () -> template(config, new LaunchTemplates(ec2)));
        // Without its template nothing tells what else is missing.
        problems.report();
        Optional<LaunchTemplate> template = described.orElseThrow();
        Subnets subnets = new Subnets(ec2);
        List<Placement> placements = problems.look(
                        "subnets",
                        () -> subnets.placements(
                                subnetIds(config, template, metadata),
                                externalNetwork ? config.secondarySubnets() : List.of()))
                .orElse(List.of());
        List<String> groups = problems.look("security groups", () -> groups(config, template, metadata))
                .orElse(List.of());
        String bootImage = problems.look("image", () -> bootImage(config, template, images))
                .orElse("");
        Optional<Prices> prices = problems.look("instance prices", () -> prices(config));
        Optional<TypeChoice> types =
                problems.look("instance types", () -> types(config, template, ec2, prices.orElseGet(Prices::builtIn)));
        Set<String> open = externalNetwork && !placements.isEmpty()
                ? problems.look("route tables", () -> subnets.withInternetGateway(secondary(placements)))
                        .orElse(Set.of())
                : Set.of();
        problems.report();
        return new LaunchFacts(
                placements,
                groups,
                config.secondaryGroups().isEmpty() ? groups : config.secondaryGroups(),
                keyName(config, template, metadata),
                metadata.arn(),
                config.image(),
                bootImage,
                template,
                types.orElseThrow(),
                prices.orElseThrow(),
                open);
    }

    private static Optional<LaunchTemplate> template(AwsConfig config, LaunchTemplates templates)
            throws CloudException, InterruptedException {
        return config.template().isEmpty()
                ? Optional.empty()
                : Optional.of(templates.describe(config.template().get()));
    }

    private static String bootImage(AwsConfig config, Optional<LaunchTemplate> template, Images images)
            throws CloudException, InterruptedException {
        String id =
                config.image().isEmpty() ? template.map(LaunchTemplate::image).orElse("") : config.image();
        if (id.isEmpty()) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "no image: set PODVM_AMI_ID, or name one in launch template "
                            + config.template().orElse(""));
        }
        images.image(id);
        return id;
    }

    private static List<String> subnetIds(AwsConfig config, Optional<LaunchTemplate> template, WorkerMetadata metadata)
            throws CloudException {
        if (!config.subnets().isEmpty()) {
            return config.subnets();
        }
        return template.map(LaunchTemplate::subnet)
                .filter(id -> !id.isEmpty())
                .or(metadata::subnet)
                .map(List::of)
                .orElseThrow(() -> unset("no subnet", "AWS_SUBNET_ID"));
    }

    private static List<String> groups(AwsConfig config, Optional<LaunchTemplate> template, WorkerMetadata metadata)
            throws CloudException {
        if (!config.groups().isEmpty()) {
            return config.groups();
        }
        return template.map(LaunchTemplate::groups)
                .filter(groups -> !groups.isEmpty())
                .or(() -> Optional.of(metadata.groups()))
                .filter(groups -> !groups.isEmpty())
                .orElseThrow(() -> unset("no security groups", "AWS_SG_IDS"));
    }

    private static CloudException unset(String what, String key) {
        return new InvalidRequest(
                Outcome.NOT_DONE,
                what + ": set " + key + " (the worker's own metadata service, which would tell, does not answer)");
    }

    private static String keyName(AwsConfig config, Optional<LaunchTemplate> template, WorkerMetadata metadata) {
        if (!config.keyName().isEmpty()) {
            return config.keyName();
        }
        boolean templateHasOne = template.map(LaunchTemplate::keyName)
                .filter(name -> !name.isEmpty())
                .isPresent();
        return templateHasOne ? "" : metadata.keyName().orElse("");
    }

    private static Prices prices(AwsConfig config) throws CloudException {
        if (config.prices().isEmpty()) {
            return Prices.builtIn();
        }
        try {
            return Prices.read(config.prices().get());
        } catch (IOException | IllegalArgumentException e) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "PODVM_INSTANCE_PRICES: " + e + ": a line is an instance type and dollars an hour, such as"
                            + " \"m6a.large 0.0864\" or \"m6a.* 0.0864\"",
                    e);
        }
    }

    private static TypeChoice types(AwsConfig config, Optional<LaunchTemplate> template, Ec2Api ec2, Prices prices)
            throws CloudException, InterruptedException {
        String fallback = template.map(LaunchTemplate::instanceType)
                .filter(type -> !type.isEmpty() && !config.instanceTypeGiven())
                .orElse(config.instanceType());
        Set<String> names = new LinkedHashSet<>(config.instanceTypes());
        names.add(fallback);
        Map<String, InstanceType> known = new InstanceTypes(ec2).describe(names);
        names.removeAll(known.keySet());
        if (known.isEmpty()) {
            throw new NotFound(
                    Outcome.NOT_DONE,
                    "instance types " + names
                            + " of PODVM_INSTANCE_TYPE and PODVM_INSTANCE_TYPES do not exist in this region");
        }
        List<String> offered =
                config.instanceTypes().stream().filter(known::containsKey).toList();
        String usual = known.containsKey(fallback)
                ? fallback
                : known.keySet().iterator().next();
        if (!names.isEmpty()) {
            log.warn(
                    "instance types {} of PODVM_INSTANCE_TYPE and PODVM_INSTANCE_TYPES do not exist in this region and are"
                            + " left out; a pod that asks for nothing gets {}",
                    names,
                    usual);
        }
        TypeChoice choice = new TypeChoice(known, usual, offered, prices);
        List<String> priceless = choice.offered().stream()
                .map(InstanceType::name)
                .filter(name -> prices.dollarsAnHour(name).isEmpty())
                .toList();
        if (!priceless.isEmpty() && choice.offered().size() > 1) {
            log.info("no price for {}: chosen after the types that have one (PODVM_INSTANCE_PRICES)", priceless);
        }
        return choice;
    }

    private static Set<Subnet> secondary(List<Placement> placements) {
        Set<Subnet> subnets = new LinkedHashSet<>();
        placements.forEach(placement -> subnets.add(placement.secondary()));
        return subnets;
    }
}
