package io.peerpods.cloud.aws.preflight;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.image.Image;
import io.peerpods.cloud.aws.instance.Calls;
import io.peerpods.cloud.aws.instance.FactsSource;
import io.peerpods.cloud.aws.instance.InstanceRequest;
import io.peerpods.cloud.aws.instance.LaunchFacts;
import io.peerpods.cloud.aws.instancetype.InstanceType;
import io.peerpods.cloud.aws.metadata.WorkerMetadata;
import io.peerpods.cloud.aws.subnet.Placement;
import io.peerpods.cloud.aws.subnet.Subnet;
import java.time.Clock;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Looks at everything that a launch depends on, before the first pod does. Makes, changes and deletes nothing. */
public final class Preflight {

    /** Tells the region, which the worker's metadata service may have to be asked for. */
    public interface Region {
        String name() throws CloudException;
    }

    private final AwsConfig config;
    private final Worker worker;
    private final FactsSource facts;
    private final InstanceRequest requests;
    private final Calls calls;
    private final GroupCheck groups;
    private final PermissionCheck permissions;
    private final AddressCheck addresses;

    public Preflight(
            AwsConfig config,
            Worker worker,
            Region region,
            FactsSource facts,
            InstanceRequest requests,
            Ec2Api ec2,
            Calls calls,
            WorkerMetadata metadata,
            Clock clock) {
        this.config = config;
        this.worker = worker;
        this.facts = facts;
        this.requests = requests;
        this.calls = calls;
        this.groups = new GroupCheck(config, worker, region, ec2, metadata);
        this.permissions = new PermissionCheck(config, worker, ec2, requests, clock);
        this.addresses = new AddressCheck(ec2);
    }

    /** Looks at everything; a thing that cannot be looked at does not keep the others from it. */
    public List<Finding> check() throws InterruptedException {
        Findings findings = new Findings();
        LaunchFacts known;
        try {
            known = facts.get();
        } catch (CloudException e) {
            List<Finding> problems = facts.problems();
            if (problems.isEmpty()) {
                findings.error("EC2", String.valueOf(e.getMessage()));
            }
            problems.forEach(problem -> findings.error(problem.what(), problem.detail()));
            return findings.all();
        }
        on("image", findings, () -> image(known, findings));
        subnets(known, findings);
        on("security groups", findings, () -> groups.check(known, findings));
        if (config.publicIp() && worker.externalNetwork() && config.twoNic() == AwsConfig.TwoNic.EIP) {
            on("Elastic IPs", findings, () -> addresses.check(known, findings));
        }
        on(
                "permissions",
                findings,
                () -> permissions.check(known, calls.images().image(known.bootImage()), findings));
        return findings.all();
    }

    private interface Look {
        void look() throws CloudException, InterruptedException;
    }

    private static void on(String what, Findings findings, Look look) throws InterruptedException {
        try {
            look.look();
        } catch (CloudException e) {
            findings.error(what, String.valueOf(e.getMessage()));
        }
    }

    private void image(LaunchFacts known, Findings findings) throws CloudException, InterruptedException {
        Image image = calls.images().image(known.bootImage());
        String what = "image " + image.id();
        if (!image.state().equals("available")) {
            findings.error(what, "is " + image.state() + ", not available");
            return;
        }
        findings.ok(
                what,
                "available, " + image.architecture() + ", root volume " + image.rootGib() + " GiB"
                        + (image.bootMode().isEmpty() ? "" : ", boots by " + image.bootMode()));
        boolean confidential = requests.confidential(known);
        if (confidential && !image.bootMode().startsWith("uefi")) {
            findings.error(
                    what, "AMD SEV-SNP needs an image that boots by UEFI: set DISABLECVM=true or take another image");
        }
        Set<InstanceType> types = new LinkedHashSet<>(known.types().offered());
        types.add(known.types().fallback());
        for (InstanceType type : types) {
            type(type, image, confidential, known, findings);
        }
    }

    private void type(InstanceType type, Image image, boolean confidential, LaunchFacts known, Findings findings) {
        String what = "instance type " + type.name();
        int interfaces = worker.externalNetwork() ? 2 : 1;
        if (!type.architectures().contains(image.architecture())) {
            findings.error(what, "does not run " + image.architecture() + ", which image " + image.id() + " is for");
        } else if (confidential && !type.snp()) {
            findings.error(what, "does not support AMD SEV-SNP: set DISABLECVM=true or take m6a, c6a or r6a");
        } else if (type.interfaces() < interfaces) {
            findings.error(what, "can have " + type.interfaces() + " interfaces, pods need " + interfaces);
        } else if (image.bootMode().equals("uefi")
                && !type.bootModes().isEmpty()
                && !type.bootModes().contains("uefi")) {
            findings.error(what, "does not boot by UEFI, which image " + image.id() + " needs");
        } else {
            String price = known.prices().dollarsAnHour(type.name()).isPresent() ? "" : ", no price known";
            findings.ok(
                    what,
                    type.vcpus() + " vCPUs, " + type.memoryMib() + " MiB, " + type.gpus() + " GPUs, up to "
                            + type.interfaces() + " interfaces" + price);
        }
    }

    private void subnets(LaunchFacts known, Findings findings) {
        Set<Subnet> all = new LinkedHashSet<>();
        known.placements().forEach(placement -> all.add(placement.primary()));
        if (worker.externalNetwork()) {
            known.placements().forEach(placement -> all.add(placement.secondary()));
        }
        for (Subnet subnet : all) {
            String what = "subnet " + subnet.id();
            String detail = subnet.zone() + ", " + subnet.cidr() + ", " + subnet.freeAddresses() + " free addresses";
            if (subnet.freeAddresses() == 0) {
                findings.error(what, detail + ": no pod VM fits in");
            } else {
                findings.ok(what, detail);
            }
        }
        if (worker.externalNetwork() && !config.publicIp()) {
            for (Placement placement : known.placements()) {
                if (known.publicSubnets().contains(placement.secondary().id())) {
                    findings.warning(
                            "subnet " + placement.secondary().id(),
                            "routes to an internet gateway, but a pod VM with two interfaces gets no public address"
                                    + " unless USE_PUBLIC_IP is true: pods cannot reach the internet by it. Use a subnet"
                                    + " that routes to a NAT gateway in AWS_SECONDARY_SUBNET_IDS");
                }
            }
        }
    }
}
