package io.peerpods.cloud.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Unauthorized;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.Finding.Level;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.ec2world.Await;
import io.peerpods.cloud.aws.ec2world.Ec2Test;
import io.peerpods.cloud.aws.ec2world.Ec2World;
import io.peerpods.cloud.aws.ec2world.FlagSettings;
import io.peerpods.cloud.aws.ec2world.MemoryLog;
import io.peerpods.cloud.aws.ec2world.WorkerMetadataServer;
import io.peerpods.ec2.faults.MotoServer;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.UserIdGroupPair;

/** What can be said before the first pod, and that saying it changes nothing. */
@Ec2Test
final class PreflightTest {

    @Test
    void aGoodSetUpHasNoErrorAndNothingIsMade(Ec2World world) throws Exception {
        try (WorkerMetadataServer metadata = WorkerMetadataServer.start(workerOf(world))) {
            open(world, "vms", "workers", "tcp", 15150);
            open(world, "vms", "workers", "udp", 4789);
            open(world, "workers", "vms", "udp", 4789);
            AwsCloud cloud = world.open(false, Map.of("aws-metadata-endpoint", metadata.endpoint()));
            Ec2World.Inventory before = world.inventory();

            List<Finding> findings = cloud.check();

            assertThat(findings).noneMatch(finding -> finding.level() == Level.ERROR);
            assertThat(findings).anySatisfy(finding -> {
                assertThat(finding.what()).isEqualTo("permission for RunInstances");
                assertThat(finding.level()).isEqualTo(Level.OK);
            });
            assertThat(findings).anySatisfy(finding -> {
                assertThat(finding.level()).isEqualTo(Level.UNCHECKED);
                assertThat(finding.what()).contains("TerminateInstances");
            });
            assertThat(world.inventory()).isEqualTo(before);
        }
    }

    @Test
    void missingRulesArePrintedReadyToPasteForBothSides(Ec2World world) throws Exception {
        try (WorkerMetadataServer metadata = WorkerMetadataServer.start(workerOf(world))) {
            AwsCloud cloud = world.open(false, Map.of("aws-metadata-endpoint", metadata.endpoint()));

            List<String> errors = cloud.check().stream()
                    .filter(finding -> finding.level() == Level.ERROR)
                    .map(Finding::detail)
                    .toList();

            assertThat(errors)
                    .containsExactly(
                            "missing; add it with: " + command(world, "vms", "workers", "tcp", 15150),
                            "missing; add it with: " + command(world, "vms", "workers", "udp", 4789),
                            "missing; add it with: " + command(world, "workers", "vms", "udp", 4789));
        }
    }

    private static String command(Ec2World world, String group, String from, String protocol, int port) {
        return "aws ec2 authorize-security-group-ingress --region us-east-1 --group-id " + world.id(group)
                + " --ip-permissions 'IpProtocol=" + protocol + ",FromPort=" + port + ",ToPort=" + port
                + ",UserIdGroupPairs=[{GroupId=" + world.id(from) + "}]'";
    }

    private static Map<String, String> workerOf(Ec2World world) {
        return Map.of(
                "mac", "02:00:00:00:00:01",
                "local-ipv4", "10.20.1.200",
                "placement/region", "us-east-1",
                "network/interfaces/macs/02:00:00:00:00:01/subnet-id", world.id("primary-a"),
                "network/interfaces/macs/02:00:00:00:00:01/security-group-ids", world.id("workers"));
    }

    private static void open(Ec2World world, String group, String from, String protocol, int port) {
        world.admin()
                .authorizeSecurityGroupIngress(r -> r.groupId(world.id(group))
                        .ipPermissions(IpPermission.builder()
                                .ipProtocol(protocol)
                                .fromPort(port)
                                .toPort(port)
                                .userIdGroupPairs(UserIdGroupPair.builder()
                                        .groupId(world.id(from))
                                        .build())
                                .build()));
    }

    @Test
    void whatIsNotSetComesFromTheWorkersMetadataEachOnItsOwn(Ec2World world) throws Exception {
        try (WorkerMetadataServer metadata = WorkerMetadataServer.start(workerOf(world))) {
            AwsCloud cloud = world.open(
                    false,
                    Map.of(
                            "aws-metadata-endpoint", metadata.endpoint(),
                            "aws-region", "",
                            "aws-profile", "none",
                            "subnetid", "",
                            "securitygroupids", ""));

            cloud.launch(Ec2World.spec("s1"), new MemoryLog());

            assertThat(world.proxy().calls("RunInstances").getFirst().parameters())
                    .containsEntry("NetworkInterface.1.SubnetId", world.id("primary-a"))
                    .containsEntry("NetworkInterface.1.SecurityGroupId.1", world.id("workers"))
                    .doesNotContainKey("KeyName");
        }
    }

    @Test
    void whatNobodyTellsIsNamedByItsKey(Ec2World world) throws Exception {
        assertThat(problem(world, false, Map.of("subnetid", ""))).contains("AWS_SUBNET_ID");
        assertThat(problem(world, false, Map.of("securitygroupids", ""))).contains("AWS_SG_IDS");
        assertThat(problem(world, false, Map.of("imageid", "ami-0123456789abcdef0")))
                .contains("ami-0123456789abcdef0");
        assertThat(problem(
                        world,
                        true,
                        Map.of("secondary-subnetids", world.id("secondary-a"), "subnetid", world.id("primary-b"))))
                .contains("AWS_SECONDARY_SUBNET_IDS", "us-east-1b");
    }

    /** What a launch fails with, which readiness tells too. */
    private static String problem(Ec2World world, boolean externalNetwork, Map<String, String> settings)
            throws Exception {
        AwsCloud cloud = world.open(externalNetwork, settings);
        CloudException failure =
                catchThrowableOfType(CloudException.class, () -> cloud.launch(Ec2World.spec("s1"), new MemoryLog()));
        assertThat(cloud.problems()).extracting(Finding::detail).containsExactly(failure.getMessage());
        return String.valueOf(failure.getMessage());
    }

    @Test
    void eachThingThatDoesNotWorkIsAReasonOfItsOwn(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("imageid", "ami-0123456789abcdef0", "securitygroupids", ""));

        assertThat(cloud.problems()).extracting(Finding::what).containsExactly("security groups", "image");
        assertThat(cloud.check()).extracting(Finding::what).containsExactly("security groups", "image");
    }

    @Test
    void anImageThatIsGoneAtARestartKeepsNoRunningPodFromItsDeletion(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        world.open().launch(Ec2World.spec("s1"), log);
        Ec2World.Inventory withPod = world.inventory();

        AwsCloud restarted = world.open(false, Map.of("imageid", "ami-0123456789abcdef0"));

        assertThat(restarted.owned()).hasSize(withPod.instances());
        restarted.delete(SandboxId.parse("s1"), log);
        assertThat(world.instances()).isEmpty();
    }

    @Test
    void credentialsThatExpireAfterAGoodStartAreTheReasonUntilTheyWork(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        assertThat(cloud.problems()).isEmpty();
        world.proxy().refuse("DescribeInstances", 1, 400, "ExpiredToken");
        world.proxy().refuse("DescribeSubnets", 2, 400, "ExpiredToken");

        assertThatThrownBy(cloud::owned).isInstanceOf(Unauthorized.class);

        Await.until("the problem is named", () -> cloud.problems().toString().contains("ExpiredToken"));
        Await.until("the problem is gone", () -> cloud.problems().isEmpty());
        cloud.launch(Ec2World.spec("s1"), new MemoryLog());
        assertThat(world.instances()).hasSize(1);
    }

    @Test
    void credentialsThatExpiredAreTheReasonUntilTheyWork(Ec2World world) throws Exception {
        world.proxy().refuse("DescribeSubnets", 1, 400, "ExpiredToken");
        AwsCloud cloud = world.open();

        Await.until("the problem is gone", () -> cloud.problems().isEmpty());

        cloud.launch(Ec2World.spec("s1"), new MemoryLog());
        assertThat(world.instances()).hasSize(1);
    }

    @Test
    void anEc2ThatAcceptsAndStaysSilentHoldsNothingUpAndIsNamed(Ec2World world) throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Map<String, String> settings =
                    world.settings(Map.of("aws-endpoint-url", "http://127.0.0.1:" + silent.getLocalPort()));
            AwsConfig config = AwsConfig.of(new FlagSettings(new AwsType().settings(), settings));
            try (AwsCloud cloud = AwsCloud.open(config, Ec2World.worker(false))) {
                assertThat(cloud.problems()).isEmpty();

                Await.until("the silence is a problem", () -> !cloud.problems().isEmpty());

                assertThat(cloud.problems().getFirst().detail()).contains("has not answered");
                assertThatThrownBy(() -> cloud.launch(Ec2World.spec("s1"), new MemoryLog()))
                        .isInstanceOf(CloudException.Unavailable.class)
                        .hasMessageContaining("has not answered");
            }
        }
    }

    @Test
    void anImageOfAnotherArchitectureIsAnError(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("imageid", MotoServer.ARM_IMAGE));

        assertThat(cloud.check()).anySatisfy(finding -> {
            assertThat(finding.level()).isEqualTo(Level.ERROR);
            assertThat(finding.what()).isEqualTo("instance type m6a.large");
            assertThat(finding.detail()).contains("arm64");
        });
    }

    @Test
    void aTypeWithoutSevSnpIsAnError(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("disable-cvm", "false", "instance-type", "t3.medium"));

        assertThat(cloud.check()).anySatisfy(finding -> {
            assertThat(finding.level()).isEqualTo(Level.ERROR);
            assertThat(finding.detail()).contains("DISABLECVM=true");
        });
    }

    @Test
    void elasticAddressesAreCountedInPods(Ec2World world) throws Exception {
        world.openToInternet("secondary-a");
        AwsCloud cloud = world.open(
                true,
                Map.of(
                        "use-public-ip", "true",
                        "subnetid", world.id("primary-a"),
                        "secondary-subnetids", world.id("secondary-a")));

        assertThat(cloud.check()).anySatisfy(finding -> {
            assertThat(finding.what()).isEqualTo("Elastic IPs");
            assertThat(finding.level()).isEqualTo(Level.WARNING);
            assertThat(finding.detail()).contains("0 of 5 in use, 2 a pod: room for 2 pods");
        });
    }

    @Test
    void aMissingPermissionIsAnErrorThatNamesIt(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        world.proxy().refuse("RunInstances", 1, 403, "UnauthorizedOperation");

        assertThat(cloud.check()).anySatisfy(finding -> {
            assertThat(finding.level()).isEqualTo(Level.ERROR);
            assertThat(finding.what()).isEqualTo("permission for RunInstances");
            assertThat(finding.detail()).contains("allow ec2:RunInstances");
        });
    }

    @Test
    void anEc2ThatDoesNotAnswerDoesNotKeepTheAdaptorFromItsPods(Ec2World world) throws Exception {
        world.proxy().refuse("DescribeSubnets", 5, 500, "InternalError");

        AwsCloud cloud = world.open();

        cloud.launch(Ec2World.spec("s1"), new MemoryLog());
        assertThat(world.instances()).hasSize(1);
    }
}
