package io.peerpods.cloud.aws.preflight;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Unauthorized;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.capacity.Candidate;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.ec2.Ec2Errors;
import io.peerpods.cloud.aws.image.Image;
import io.peerpods.cloud.aws.instance.InstanceRequest;
import io.peerpods.cloud.aws.instance.LaunchFacts;
import io.peerpods.cloud.aws.subnet.Placement;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.services.ec2.model.AllocateAddressRequest;
import software.amazon.awssdk.services.ec2.model.CreateNetworkInterfaceRequest;
import software.amazon.awssdk.services.ec2.model.DomainType;

/** What the credentials may do, by dry runs where one needs nothing that exists; the rest is listed. */
final class PermissionCheck {

    private final AwsConfig config;
    private final Worker worker;
    private final Ec2Api ec2;
    private final InstanceRequest requests;
    private final Clock clock;

    PermissionCheck(AwsConfig config, Worker worker, Ec2Api ec2, InstanceRequest requests, Clock clock) {
        this.config = config;
        this.worker = worker;
        this.ec2 = ec2;
        this.requests = requests;
        this.clock = clock;
    }

    private interface DryRun {
        void run() throws CloudException, InterruptedException;
    }

    void check(LaunchFacts known, Image image, Findings findings) throws CloudException, InterruptedException {
        Placement placement = known.placements().getFirst();
        LaunchSpec spec = new LaunchSpec(
                SandboxId.parse("preflight"),
                "preflight",
                "preflight",
                "preflight",
                "",
                worker.externalNetwork(),
                "",
                0,
                0,
                0,
                "",
                "",
                List.of());
        var candidate = new Candidate(
                known.types().fallback(), placement, config.capacity().getFirst());
        var launch = requests.build(known, spec, candidate, image, 0, clock.instant()).toBuilder()
                .dryRun(true)
                .build();
        dryRun("RunInstances", findings, () -> ec2.runInstances(launch, () -> {}));
        List<String> later = new ArrayList<>(List.of("TerminateInstances"));
        if (config.publicIp() && worker.externalNetwork()) {
            if (config.twoNic() == AwsConfig.TwoNic.EIP) {
                dryRun(
                        "AllocateAddress",
                        findings,
                        () -> ec2.allocateAddress(AllocateAddressRequest.builder()
                                .domain(DomainType.VPC)
                                .dryRun(true)
                                .build()));
                later.addAll(List.of("AssociateAddress", "DisassociateAddress", "ReleaseAddress"));
            } else {
                dryRun(
                        "CreateNetworkInterface",
                        findings,
                        () -> ec2.createNetworkInterface(CreateNetworkInterfaceRequest.builder()
                                .subnetId(placement.secondary().id())
                                .groups(known.secondaryGroups())
                                .dryRun(true)
                                .build()));
                later.addAll(
                        List.of("AttachNetworkInterface", "ModifyNetworkInterfaceAttribute", "DeleteNetworkInterface"));
            }
        }
        later.addAll(List.of("AttachVolume and DetachVolume (for pods with volumes)"));
        findings.unchecked(
                "permissions for " + String.join(", ", later),
                "need something that exists, so the first pod shows; docs/aws.md has the policy");
    }

    private static void dryRun(String action, Findings findings, DryRun run) throws InterruptedException {
        String what = "permission for " + action;
        try {
            run.run();
            findings.warning(what, "a dry run was carried out as if it were none");
        } catch (Unauthorized e) {
            findings.error(what, String.valueOf(e.getMessage()));
        } catch (CloudException e) {
            if (Ec2Errors.code(e).equals("DryRunOperation")) {
                findings.ok(what, "granted");
            } else {
                findings.error(what, String.valueOf(e.getMessage()));
            }
        }
    }
}
