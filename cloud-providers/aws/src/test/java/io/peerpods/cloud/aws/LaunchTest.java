package io.peerpods.cloud.aws;

import static io.peerpods.cloud.aws.ec2world.Ec2World.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.cloud.aws.ec2world.Ec2Test;
import io.peerpods.cloud.aws.ec2world.Ec2World;
import io.peerpods.cloud.aws.ec2world.MemoryLog;
import io.peerpods.cloud.aws.ec2world.WorkerMetadataServer;
import io.peerpods.cloud.aws.tag.Tags;
import io.peerpods.ec2.faults.Call;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.model.Instance;

/** Launches and deletions when nothing goes wrong: which calls are made, and what is in them. */
@Ec2Test
final class LaunchTest {

    @Test
    void aPlainPodIsOneCallAndItsDeletionOne(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        Ec2World.Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();

        PodVm vm = cloud.launch(spec("s1"), log);

        assertThat(world.proxy().counts()).isEqualTo(Map.of("RunInstances", 1));
        Instance instance = world.instances().getFirst();
        assertThat(vm.id()).isEqualTo(instance.instanceId());
        assertThat(vm.agent().getHostAddress()).isEqualTo(instance.privateIpAddress());
        assertThat(vm.tunnel()).isEqualTo(vm.agent());

        world.proxy().forgetCalls();
        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.proxy().counts()).isEqualTo(Map.of("TerminateInstances", 1));
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void theRequestSaysEverything(Ec2World world) throws Exception {
        AwsCloud cloud =
                world.open(false, Map.of("keyname", "ops", "tags", "team=red,stage=test", "root-volume-size", "20"));
        world.admin().createKeyPair(r -> r.keyName("ops"));

        cloud.launch(spec("s1"), new MemoryLog());

        Call call = world.proxy().calls("RunInstances").getFirst();
        assertThat(call.parameters())
                .containsEntry("MinCount", "1")
                .containsEntry("MaxCount", "1")
                .containsEntry("InstanceType", "m6a.large")
                .containsEntry("ImageId", world.image())
                .containsEntry("KeyName", "ops")
                .containsEntry("InstanceInitiatedShutdownBehavior", "terminate")
                .containsEntry("MetadataOptions.HttpTokens", "required")
                .containsEntry("MetadataOptions.HttpPutResponseHopLimit", "1")
                .containsEntry("NetworkInterface.1.DeviceIndex", "0")
                .containsEntry("NetworkInterface.1.DeleteOnTermination", "true")
                .containsEntry("NetworkInterface.1.SecurityGroupId.1", world.id("vms"))
                .containsEntry("BlockDeviceMapping.1.DeviceName", "/dev/sda1")
                .containsEntry("BlockDeviceMapping.1.Ebs.Encrypted", "true")
                .containsEntry("BlockDeviceMapping.1.Ebs.VolumeType", "gp3")
                .containsEntry("BlockDeviceMapping.1.Ebs.VolumeSize", "20")
                .containsEntry("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true");
        assertThat(call.get("ClientToken")).matches("[0-9a-f]{64}");
        assertThat(call.parameters()).doesNotContainKey("CpuOptions.AmdSevSnp");
        assertThat(new String(Base64.getDecoder().decode(call.get("UserData")), StandardCharsets.UTF_8))
                .isEqualTo(spec("s1").userData());
        for (String resource : List.of("instance", "network-interface", "volume")) {
            assertThat(tagsOf(call, resource))
                    .containsEntry("Name", "podvm-pod-s1")
                    .containsEntry("peerpods:cluster", "cluster-1")
                    .containsEntry("peerpods:node", "worker-1")
                    .containsEntry("peerpods:namespace", "default")
                    .containsEntry("peerpods:pod", "pod-s1")
                    .containsEntry("peerpods:sandbox", "s1")
                    .containsEntry("peerpods:generation", "1")
                    .containsEntry("team", "red")
                    .containsEntry("stage", "test")
                    .containsKey("peerpods:created");
        }
    }

    private static Map<String, String> tagsOf(Call call, String resource) {
        Map<String, String> tags = new TreeMap<>();
        for (int i = 1; call.parameters().containsKey("TagSpecification." + i + ".ResourceType"); i++) {
            String prefix = "TagSpecification." + i + ".";
            if (!call.get(prefix + "ResourceType").equals(resource)) {
                continue;
            }
            for (int j = 1; call.parameters().containsKey(prefix + "Tag." + j + ".Key"); j++) {
                tags.put(call.get(prefix + "Tag." + j + ".Key"), call.get(prefix + "Tag." + j + ".Value"));
            }
        }
        return tags;
    }

    @Test
    void confidentialIsTheDefault(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("disable-cvm", "false"));

        cloud.launch(spec("s1"), new MemoryLog());

        assertThat(world.proxy().calls("RunInstances").getFirst().get("CpuOptions.AmdSevSnp"))
                .isEqualTo("enabled");
    }

    @Test
    void bothInterfacesComeWithTheOneCall(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(
                true,
                Map.of(
                        "subnetid", world.id("primary-b"),
                        "secondary-subnetids", world.id("secondary-a") + "," + world.id("secondary-b"),
                        "secondary-securitygroupids", world.id("vms-external")));
        Ec2World.Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();

        PodVm vm = cloud.launch(spec("s1", true, List.of()), log);

        assertThat(world.proxy().counts()).isEqualTo(Map.of("RunInstances", 1));
        Instance instance = world.instances().getFirst();
        assertThat(instance.networkInterfaces())
                .hasSize(2)
                .allSatisfy(nic ->
                        assertThat(nic.attachment().deleteOnTermination()).isTrue());
        Call call = world.proxy().calls("RunInstances").getFirst();
        assertThat(call.get("NetworkInterface.2.DeviceIndex")).isEqualTo("1");
        assertThat(call.get("NetworkInterface.2.SubnetId")).isEqualTo(world.id("secondary-b"));
        assertThat(call.get("NetworkInterface.2.SecurityGroupId.1")).isEqualTo(world.id("vms-external"));
        assertThat(vm.addresses()).hasSize(1);
        assertThat(vm.agent().getHostAddress()).isEqualTo(instance.privateIpAddress());

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aPublicAddressIsTheAgentsAndThePrivateOneTheTunnels(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("use-public-ip", "true"));
        world.proxy().boot(Duration.ofMillis(500));

        PodVm vm = cloud.launch(spec("s1"), new MemoryLog());

        Instance instance = world.instances().getFirst();
        assertThat(vm.agent().getHostAddress()).isEqualTo(instance.publicIpAddress());
        assertThat(vm.tunnel().getHostAddress()).isEqualTo(instance.privateIpAddress());
    }

    @Test
    void thoseWhoWaitShareThePolls(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("use-public-ip", "true"));
        world.proxy().boot(Duration.ofSeconds(2));

        together(8, i -> cloud.launch(spec("s" + i), new MemoryLog()));

        int polls = world.proxy().counts().getOrDefault("DescribeInstances", 0);
        int waited = world.proxy().calls("RunInstances").size();
        assertThat(waited).isEqualTo(8);
        // One by one they would be eight times as many; a poll every 100 ms is what one alone makes.
        assertThat(world.proxy().calls("DescribeInstances"))
                .as("polls that ask for several")
                .anySatisfy(call -> assertThat(call.parameters()).containsKey("Filter.1.Value.5"));
        assertThat(polls).isPositive();
    }

    @Test
    void twentyPodsAreTwentyLaunchesAndFewTerminations(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        Ec2World.Inventory before = world.inventory();
        List<MemoryLog> logs = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            logs.add(new MemoryLog());
        }

        together(20, i -> cloud.launch(spec("s" + i), logs.get(i)));

        assertThat(world.proxy().counts()).isEqualTo(Map.of("RunInstances", 20));
        world.proxy().forgetCalls();

        together(20, i -> {
            cloud.delete(SandboxId.parse("s" + i), logs.get(i));
            return "";
        });

        assertThat(world.proxy().counts().keySet()).containsExactly("TerminateInstances");
        assertThat(world.proxy().counts().get("TerminateInstances")).isLessThanOrEqualTo(8);
        assertThat(world.inventory()).isEqualTo(before);
    }

    private interface Numbered<T> {
        T run(int number) throws Exception;
    }

    private static <T> void together(int count, Numbered<T> work) throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<T>> all = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int number = i;
                Callable<T> task = () -> work.run(number);
                all.add(threads.submit(task));
            }
            for (Future<T> each : all) {
                each.get();
            }
        }
    }

    @Test
    void elasticAddressesGoToTheInterfacesThatNeedThem(Ec2World world) throws Exception {
        world.openToInternet("secondary-a");
        AwsCloud cloud = world.open(
                true,
                Map.of(
                        "use-public-ip", "true",
                        "subnetid", world.id("primary-a"),
                        "secondary-subnetids", world.id("secondary-a")));
        Ec2World.Inventory before = world.inventory();
        world.proxy().boot(Duration.ofMillis(300));
        MemoryLog log = new MemoryLog();

        PodVm vm = cloud.launch(spec("s1", true, List.of()), log);

        assertThat(world.proxy().calls("AllocateAddress")).hasSize(2);
        Instance instance = world.instances().getFirst();
        assertThat(world.addresses())
                .hasSize(2)
                .allSatisfy(address -> assertThat(address.networkInterfaceId())
                        .isIn(instance.networkInterfaces().stream()
                                .map(nic -> nic.networkInterfaceId())
                                .toList()));
        assertThat(vm.agent().getHostAddress()).isIn(addressOf(world, "0"));
        assertThat(vm.tunnel().getHostAddress()).isEqualTo(instance.privateIpAddress());

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
        assertThat(world.proxy().counts()).containsEntry("ReleaseAddress", 2).doesNotContainKey("DescribeAddresses");
    }

    private static List<String> addressOf(Ec2World world, String device) {
        return world.addresses().stream()
                .filter(address -> address.tags().stream()
                        .anyMatch(tag -> tag.key().equals("peerpods:device")
                                && tag.value().equals(device)))
                .map(address -> address.publicIp())
                .toList();
    }

    @Test
    void withoutAGatewayTheSecondInterfaceGetsNoElasticAddress(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(true, Map.of("use-public-ip", "true"));
        MemoryLog log = new MemoryLog();

        cloud.launch(spec("s1", true, List.of()), log);

        assertThat(world.addresses()).hasSize(1);
    }

    @Test
    void attachModeTakesAnAutomaticAddressAndAttachesTheSecondInterface(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(
                true,
                Map.of(
                        "use-public-ip",
                        "true",
                        "public-two-nic",
                        "attach",
                        "subnetid",
                        world.id("primary-a"),
                        "secondary-subnetids",
                        world.id("secondary-a")));
        Ec2World.Inventory before = world.inventory();
        world.proxy().boot(Duration.ofMillis(300));
        MemoryLog log = new MemoryLog();

        PodVm vm = cloud.launch(spec("s1", true, List.of()), log);

        assertThat(world.proxy().calls("AllocateAddress")).isEmpty();
        Instance instance = world.instances().getFirst();
        assertThat(vm.agent().getHostAddress()).isEqualTo(instance.publicIpAddress());
        assertThat(instance.networkInterfaces()).hasSize(2);
        assertThat(world.interfaces())
                .anySatisfy(nic -> assertThat(nic.subnetId()).isEqualTo(world.id("secondary-a")));
        assertThat(world.proxy()
                        .calls("ModifyNetworkInterfaceAttribute")
                        .getFirst()
                        .get("Attachment.DeleteOnTermination"))
                .isEqualTo("true");

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void volumesDecideTheZoneAndAreAttachedAndDetached(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        String volume = world.volume("us-east-1b");
        Ec2World.Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        world.proxy().boot(Duration.ofMillis(300));

        cloud.launch(spec("s1", false, List.of(new VolumeSpec("vol-0", volume, Map.of()))), log);

        assertThat(world.instances().getFirst().subnetId()).isEqualTo(world.id("primary-b"));
        assertThat(world.volumes())
                .filteredOn(v -> v.volumeId().equals(volume))
                .allSatisfy(v -> assertThat(v.attachments()).hasSize(1));

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
        assertThat(world.volumes())
                .filteredOn(v -> v.volumeId().equals(volume))
                .allSatisfy(v -> assertThat(v.stateAsString()).isEqualTo("available"));
        assertThat(world.proxy().handled())
                .extracting(handled -> handled.call().action())
                .as("a guest that runs keeps its volumes")
                .containsSubsequence("TerminateInstances", "DescribeInstances", "DetachVolume");
    }

    @Test
    void aVolumeThatIsNotThereIsNamedBeforeAnythingIsLaunched(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        LaunchSpec spec = spec("s1", false, List.of(new VolumeSpec("vol-0", "vol-0123456789abcdef0", Map.of())));

        assertThatThrownBy(() -> cloud.launch(spec, new MemoryLog()))
                .isInstanceOf(CloudException.NotFound.class)
                .hasMessageContaining("vol-0123456789abcdef0");
        assertThat(world.proxy().calls("RunInstances")).isEmpty();
    }

    @Test
    void aLaunchThatIsRepeatedFindsItsInstance(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        MemoryLog log = new MemoryLog();
        PodVm first = cloud.launch(spec("s1"), log);

        PodVm again = cloud.launch(spec("s1"), log);

        assertThat(again).isEqualTo(first);
        assertThat(world.instances()).hasSize(1);
        assertThat(world.proxy().calls("RunInstances")).hasSize(1);
    }

    @Test
    void anInstanceThatEndedIsReplacedUnderANewGeneration(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        MemoryLog log = new MemoryLog();
        PodVm first = cloud.launch(spec("s1"), log);
        world.admin().terminateInstances(r -> r.instanceIds(first.id()));

        PodVm second = cloud.launch(spec("s1"), log);

        assertThat(second.id()).isNotEqualTo(first.id());
        List<Call> calls = world.proxy().calls("RunInstances");
        assertThat(calls.get(0).get("ClientToken")).isNotEqualTo(calls.get(1).get("ClientToken"));
    }

    @Test
    void theLaunchTemplateIsTheBaseAndSettingsStillCount(Ec2World world) throws Exception {
        world.admin()
                .createLaunchTemplate(r -> r.launchTemplateName("kata")
                        .launchTemplateData(d -> d.imageId(world.image())
                                .keyName("from-template")
                                .instanceType("c6a.large")));
        AwsCloud cloud = world.open(false, Map.of("use-lt", "true", "imageid", ""));

        cloud.launch(spec("s1"), new MemoryLog());

        Call call = world.proxy().calls("RunInstances").getFirst();
        assertThat(call.get("LaunchTemplate.LaunchTemplateName")).isEqualTo("kata");
        assertThat(call.get("LaunchTemplate.Version")).isEqualTo("1");
        assertThat(call.get("InstanceType")).isEqualTo("c6a.large");
        assertThat(call.parameters()).doesNotContainKeys("ImageId", "KeyName");
        assertThat(call.get("NetworkInterface.1.SubnetId")).isNotEmpty();

        AwsCloud explicit = world.open(false, Map.of("use-lt", "true", "instance-type", "m6a.large"));
        explicit.launch(spec("s2"), new MemoryLog());

        assertThat(world.proxy().calls("RunInstances").getLast().parameters())
                .containsEntry("InstanceType", "m6a.large")
                .containsEntry("ImageId", world.image());
    }

    @Test
    void aLaunchTemplateWithGroupsOfTheInstanceIsNamedBeforeAnyLaunch(Ec2World world) throws Exception {
        world.admin()
                .createLaunchTemplate(r -> r.launchTemplateName("kata")
                        .launchTemplateData(
                                d -> d.securityGroupIds(world.id("vms")).imageId(world.image())));

        AwsCloud cloud = world.open(false, Map.of("use-lt", "true"));

        assertThatThrownBy(() -> cloud.launch(spec("s1"), new MemoryLog()))
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageContaining("AWS_SG_IDS");
    }

    @Test
    void userDataThatDoesNotFitIsRefusedBeforeAnyCall(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        byte[] noise = new byte[20_000];
        new Random(7).nextBytes(noise);
        LaunchSpec small = spec("s1");
        LaunchSpec large = new LaunchSpec(
                SandboxId.parse("s1"),
                "p",
                "n",
                "podvm-p",
                Base64.getEncoder().encodeToString(noise),
                false,
                "",
                0,
                0,
                0,
                "",
                "",
                List.of());

        assertThat(small.userData()).isNotEmpty();
        assertThatThrownBy(() -> cloud.launch(large, new MemoryLog()))
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageContaining("16384");
        assertThat(world.proxy().handled()).isEmpty();
    }

    @Test
    void ownedVmsAreFoundByTheirTags(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        PodVm one = cloud.launch(spec("s1"), new MemoryLog());
        PodVm two = cloud.launch(spec("s2"), new MemoryLog());
        world.admin().runInstances(r -> r.imageId(world.image()).minCount(1).maxCount(1));

        assertThat(cloud.owned())
                .containsExactlyInAnyOrder(
                        new OwnedVm(one.id(), SandboxId.parse("s1")), new OwnedVm(two.id(), SandboxId.parse("s2")));

        cloud.delete(SandboxId.parse("s1"), new MemoryLog());

        assertThat(cloud.owned()).containsExactly(new OwnedVm(two.id(), SandboxId.parse("s2")));
    }

    @Test
    void whatAnotherMachineOfTheSameNameMadeIsReportedAndNotDeleted(Ec2World world) throws Exception {
        PodVm vm = world.open().launch(spec("s1"), new MemoryLog());
        AwsCloud other = world.openOn("machine-2");

        assertThat(other.owned()).containsExactly(new OwnedVm(vm.id(), Optional.of(SandboxId.parse("s1")), true));
        other.delete(SandboxId.parse("s1"), new MemoryLog());
        assertThat(other.owned()).hasSize(1);

        AwsCloud again = world.open();
        assertThat(again.owned()).containsExactly(new OwnedVm(vm.id(), SandboxId.parse("s1")));
        again.delete(SandboxId.parse("s1"), new MemoryLog());
        assertThat(again.owned()).isEmpty();
    }

    @Test
    void whatIsMadeCarriesTheArnOfTheWorkersInstance(Ec2World world) throws Exception {
        Map<String, String> worker = Map.of(
                "instance-id", "i-0123456789abcdef0",
                "services/partition", "aws",
                "placement/region", "us-east-1",
                "mac", "02:00:00:00:00:01",
                "network/interfaces/macs/02:00:00:00:00:01/owner-id", "123456789012");
        try (WorkerMetadataServer metadata = WorkerMetadataServer.start(worker)) {
            PodVm vm = world.open(false, Map.of("aws-metadata-endpoint", metadata.endpoint()))
                    .launch(spec("s1"), new MemoryLog());

            assertThat(Tags.value(
                            world.admin()
                                    .describeInstances(r -> r.instanceIds(vm.id()))
                                    .reservations()
                                    .getFirst()
                                    .instances()
                                    .getFirst()
                                    .tags(),
                            Tags.WORKER))
                    .isEqualTo("arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0");
        }
    }

    @Test
    void aVmOfAnEarlierVersionOrOfAWorkerWhoseMachineCannotBeToldIsDeletedAsBefore(Ec2World world) throws Exception {
        String earlier = world.instance(Map.of("peerpods:sandbox", "s1"));
        AwsCloud cloud = world.open();
        PodVm vm = cloud.launch(spec("s2"), new MemoryLog());
        assertThat(cloud.owned()).contains(new OwnedVm(earlier, SandboxId.parse("s1")));
        cloud.delete(SandboxId.parse("s1"), new MemoryLog());
        AwsCloud untold = world.openOn("");
        assertThat(untold.owned()).containsExactly(new OwnedVm(vm.id(), SandboxId.parse("s2")));
        untold.delete(SandboxId.parse("s2"), new MemoryLog());
        assertThat(untold.owned()).isEmpty();
    }

    @Test
    void aVmWhoseSandboxTagIsMissingOrAPathIsReportedWithoutASandboxId(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        String climbs = world.instance(Map.of("peerpods:sandbox", "../../../../x"));
        String bare = world.instance(Map.of());

        assertThat(cloud.owned())
                .containsExactlyInAnyOrder(new OwnedVm(climbs, Optional.empty()), new OwnedVm(bare, Optional.empty()));
    }

    @Test
    void anExactTypeAndAnotherImageAreTaken(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("instance-types", "m6a.large,c6a.xlarge"));
        LaunchSpec spec = new LaunchSpec(
                SandboxId.parse("s1"),
                "p",
                "n",
                "podvm-p",
                "x",
                false,
                "c6a.xlarge",
                0,
                0,
                0,
                "",
                world.image(),
                List.of());

        cloud.launch(spec, new MemoryLog());

        assertThat(world.proxy().calls("RunInstances").getFirst().get("InstanceType"))
                .isEqualTo("c6a.xlarge");
    }

    @Test
    void anInstanceTypeThatDoesNotExistIsLeftOutWhileAnotherRemains(Ec2World world) throws Exception {
        AwsCloud cloud =
                world.open(false, Map.of("instance-type", "m6a.lagre", "instance-types", "m6a.lagre,c6a.xlarge"));

        cloud.launch(spec("s1"), new MemoryLog());

        assertThat(world.proxy().calls("RunInstances").getFirst().get("InstanceType"))
                .isEqualTo("c6a.xlarge");
    }

    @Test
    void noInstanceTypeAtAllIsNamed(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("instance-type", "m6a.lagre"));

        assertThatThrownBy(() -> cloud.launch(spec("s1"), new MemoryLog()))
                .isInstanceOf(CloudException.NotFound.class)
                .hasMessageContaining("m6a.lagre")
                .hasMessageContaining("PODVM_INSTANCE_TYPE");
    }
}
