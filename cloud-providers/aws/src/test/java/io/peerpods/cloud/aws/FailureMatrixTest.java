package io.peerpods.cloud.aws;

import static io.peerpods.cloud.aws.ec2world.Ec2World.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.NoCapacity;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.QuotaExceeded;
import io.peerpods.cloud.CloudException.Unauthorized;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.cloud.aws.ec2world.Ec2Test;
import io.peerpods.cloud.aws.ec2world.Ec2World;
import io.peerpods.cloud.aws.ec2world.Ec2World.Inventory;
import io.peerpods.cloud.aws.ec2world.MemoryLog;
import io.peerpods.ec2.faults.Call;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Everything that can go wrong between wish and effect, row by row. Whatever happens: after the deletion that follows
 * there are as many instances, interfaces, addresses and volumes as before.
 */
@Ec2Test
final class FailureMatrixTest {

    private static final Map<String, String> ELASTIC = Map.of("use-public-ip", "true");
    private static final Map<String, String> ATTACH = Map.of("use-public-ip", "true", "public-two-nic", "attach");

    // A crash, or no answer, around the launch itself

    @Test
    void aCrashAfterTheLaunchsAnswerFindsTheSameInstanceAgain(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog().crashAt(2);
        AwsCloud first = world.open();
        assertThatThrownBy(() -> first.launch(spec("s1"), log)).isInstanceOf(MemoryLog.Crash.class);
        assertThat(world.instances()).hasSize(1);

        AwsCloud second = world.open();
        PodVm vm = second.launch(spec("s1"), log);

        assertThat(world.instances()).extracting(i -> i.instanceId()).containsExactly(vm.id());
        second.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aCrashAfterTheLaunchsAnswerIsCleanedUpByADeletion(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog().crashAt(2);
        AwsCloud first = world.open();
        assertThatThrownBy(() -> first.launch(spec("s1"), log)).isInstanceOf(MemoryLog.Crash.class);

        AwsCloud second = world.open();
        second.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
        assertThat(world.proxy().calls("RunInstances")).as("found by its tags").isEmpty();
    }

    @Test
    void aCrashBeforeTheLaunchIsSentLeavesNothing(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog().crashAt(1);
        AwsCloud cloud = world.open();

        assertThatThrownBy(() -> cloud.launch(spec("s1"), log)).isInstanceOf(MemoryLog.Crash.class);

        assertThat(world.proxy().calls("RunInstances")).isEmpty();
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void theRepetitionAfterACrashIsTheSameRequestByteForByte(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog().crashAt(2);
        AwsCloud first = world.open(false, Map.of("tags", "a=b"));
        assertThatThrownBy(() -> first.launch(spec("s1"), log)).isInstanceOf(MemoryLog.Crash.class);
        Call sent = world.proxy().calls("RunInstances").getFirst();

        // Settings that changed meanwhile make no difference to a request that is on its way.
        AwsCloud second = world.open(false, Map.of("tags", "a=c", "root-volume-size", "99"));
        second.launch(spec("s1"), log);

        assertThat(world.proxy().calls("RunInstances")).containsExactly(sent);
        assertThat(world.instances()).hasSize(1);
    }

    @Test
    void aLostAnswerIsAskedForAgainUnderTheSameToken(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().loseAnswer("RunInstances", 1);

        cloud.launch(spec("s1"), log);

        List<Call> calls = world.proxy().calls("RunInstances");
        assertThat(calls).hasSize(2);
        assertThat(calls.get(1)).isEqualTo(calls.get(0));
        assertThat(world.instances()).hasSize(1);
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void anAnswerThatComesTooLateIsAskedForAgain(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(false, Map.of("aws-call-timeout", "3s"));
        world.proxy().stall("RunInstances", 1, Duration.ofSeconds(6));

        cloud.launch(spec("s1"), log);

        assertThat(world.instances()).hasSize(1);
    }

    @Test
    void anErrorAfterTheEffectMakesNoSecondInstance(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        world.proxy().failAfter("RunInstances", 2, 500, "InternalError");

        cloud.launch(spec("s1"), new MemoryLog());

        assertThat(world.instances()).hasSize(1);
    }

    @Test
    void whenNoAnswerEverComesTheOutcomeIsUnknownAndTheDeletionFindsOut(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().loseAnswer("RunInstances", 5);

        Unavailable failure = catchThrowableOfType(Unavailable.class, () -> cloud.launch(spec("s1"), log));

        assertThat(failure.outcome()).isEqualTo(Outcome.UNKNOWN);
        assertThat(world.instances()).hasSize(1);
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void credentialsThatExpireAfterALostAnswerLeaveTheOutcomeUnknown(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().loseAnswer("RunInstances", 1);
        world.proxy().refuse("RunInstances", 1, 403, "UnauthorizedOperation");

        // The first rule that has hits left counts: the answer is lost first, then the credentials are refused.
        Unauthorized failure = catchThrowableOfType(Unauthorized.class, () -> cloud.launch(spec("s1"), log));

        assertThat(failure.outcome()).isEqualTo(Outcome.UNKNOWN);
        assertThat(failure).hasMessageContaining("ec2:RunInstances");
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void anInstanceThatIsNotVisibleYetIsNotLaunchedAgain(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().unseen(Duration.ofMillis(1500));
        PodVm vm = cloud.launch(spec("s1"), log);

        assertThat(cloud.launch(spec("s1"), log)).isEqualTo(vm);
        assertThat(world.instances()).hasSize(1);
    }

    @Test
    void aRecordThatIsLostAltogetherIsMadeGoodByTags(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        AwsCloud cloud = world.open(true, ELASTIC);
        PodVm vm = cloud.launch(spec("s1", true, List.of()), new MemoryLog());

        assertThat(cloud.owned()).containsExactly(new OwnedVm(vm.id(), SandboxId.parse("s1")));
        cloud.delete(SandboxId.parse("s1"), new MemoryLog());

        assertThat(world.inventory()).isEqualTo(before);
        assertThat(cloud.owned()).isEmpty();
    }

    @Test
    void anInterruptedLaunchThatWasSentIsCleanedUp(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().stall("RunInstances", 1, Duration.ofMinutes(1));
        Thread launch = Thread.ofVirtual().start(() -> {
            try {
                cloud.launch(spec("s1"), log);
            } catch (CloudException | InterruptedException e) {
                // What the test is about.
            }
        });
        while (world.instances().isEmpty()) {
            Thread.sleep(20);
        }

        launch.interrupt();
        launch.join();
        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    // Capacity, quotas, throttling

    @Test
    void withoutCapacityTheNextCandidateIsTriedUnderANewGeneration(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(false, Map.of("subnetid", world.id("primary-a") + "," + world.id("primary-b")));
        world.proxy().refuse("RunInstances", 1, 500, "InsufficientInstanceCapacity");

        cloud.launch(spec("s1"), log);

        List<Call> calls = world.proxy().calls("RunInstances");
        assertThat(calls).hasSize(2);
        assertThat(calls.get(0).get("NetworkInterface.1.SubnetId"))
                .isNotEqualTo(calls.get(1).get("NetworkInterface.1.SubnetId"));
        assertThat(calls.get(0).get("ClientToken")).isNotEqualTo(calls.get(1).get("ClientToken"));
        assertThat(world.instances()).hasSize(1);
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void spotComesFirstWhereTheOperatorSaysSo(Ec2World world) throws Exception {
        AwsCloud cloud =
                world.open(false, Map.of("capacity-type", "spot,on-demand", "subnetid", world.id("primary-a")));
        world.proxy()
                .refuse(
                        "RunInstances",
                        call -> call.get("InstanceMarketOptions.MarketType").equals("spot"),
                        1,
                        500,
                        "InsufficientInstanceCapacity");

        cloud.launch(spec("s1"), new MemoryLog());

        List<Call> calls = world.proxy().calls("RunInstances");
        assertThat(calls)
                .extracting(call -> call.get("InstanceMarketOptions.MarketType"))
                .containsExactly("spot", "");
    }

    @Test
    void noCapacityAnywhereIsRememberedAndSaysWhatWasTried(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().refuse("RunInstances", 100, 500, "InsufficientInstanceCapacity");

        assertThatThrownBy(() -> cloud.launch(spec("s1"), log))
                .isInstanceOf(NoCapacity.class)
                .hasMessageContaining("m6a.large on-demand in us-east-1a")
                .hasMessageContaining("m6a.large on-demand in us-east-1b")
                .hasMessageContaining("InsufficientInstanceCapacity");
        assertThat(world.proxy().calls("RunInstances")).hasSize(2);

        assertThatThrownBy(() -> cloud.launch(spec("s2"), new MemoryLog()))
                .isInstanceOf(NoCapacity.class)
                .hasMessageContaining("not asked again yet");
        assertThat(world.proxy().calls("RunInstances")).hasSize(2);

        world.proxy().forgetCalls();
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.proxy().handled())
                .as("nothing was made, so nothing is asked")
                .isEmpty();
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aFullSubnetIsLeftOut(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        world.proxy().refuse("RunInstances", 1, 400, "InsufficientFreeAddressesInSubnet");

        cloud.launch(spec("s1"), new MemoryLog());
        cloud.launch(spec("s1b"), new MemoryLog());

        List<Call> calls = world.proxy().calls("RunInstances");
        String full = calls.getFirst().get("NetworkInterface.1.SubnetId");
        assertThat(calls.subList(1, calls.size()))
                .extracting(call -> call.get("NetworkInterface.1.SubnetId"))
                .doesNotContain(full);
    }

    @Test
    void aQuotaIsNotMistakenForCapacity(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(false, Map.of("instance-types", "m6a.large,c6a.xlarge"));
        world.proxy().refuse("RunInstances", 100, 400, "VcpuLimitExceeded");

        assertThatThrownBy(() -> cloud.launch(spec("s1"), new MemoryLog()))
                .isInstanceOf(QuotaExceeded.class)
                .hasMessageContaining("Service Quotas");
        assertThat(world.proxy().calls("RunInstances"))
                .as("both types count against the same quota")
                .hasSize(1);
    }

    @Test
    void throttledLaunchesArriveAllTheSame(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().refuse("RunInstances", 3, 503, "RequestLimitExceeded");

        cloud.launch(spec("s1"), log);

        assertThat(world.instances()).hasSize(1);
        assertThat(world.proxy().calls("RunInstances").stream().distinct()).hasSize(1);
    }

    // The secondary interface that is attached while the VM boots

    @Test
    void aFailureWhileWaitingLeavesNoInterface(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ATTACH);
        world.proxy().refuse("DescribeInstances", 1, 403, "UnauthorizedOperation");

        assertThatThrownBy(() -> cloud.launch(spec("s1", true, List.of()), log)).isInstanceOf(Unauthorized.class);
        assertThat(world.proxy().calls("CreateNetworkInterface")).hasSize(1);

        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aLostAnswerToTheInterfacesCreationMakesNoSecondOne(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ATTACH);
        world.proxy().loseAnswer("CreateNetworkInterface", 1);

        cloud.launch(spec("s1", true, List.of()), log);

        assertThat(world.instances().getFirst().networkInterfaces()).hasSize(2);
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aCrashAtAnyWriteOfAnAttachLaunchIsCleanedUp(Ec2World world) throws Exception {
        everyCrash(world, true, ATTACH, List.of());
    }

    @Test
    void anAttachmentWhoseAnswerIsLostIsFound(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ATTACH);
        world.proxy().loseAnswer("AttachNetworkInterface", 1);

        cloud.launch(spec("s1", true, List.of()), log);

        assertThat(world.instances().getFirst().networkInterfaces()).hasSize(2);
    }

    @Test
    void anInterfaceThatIsNotTiedToItsInstanceIsDeletedAfterIt(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ATTACH);
        world.proxy().refuse("ModifyNetworkInterfaceAttribute", 100, 400, "InvalidParameterValue");

        assertThatThrownBy(() -> cloud.launch(spec("s1", true, List.of()), log))
                .isInstanceOf(CloudException.InvalidRequest.class);

        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    // Addresses

    @Test
    void aCrashAtAnyWriteOfALaunchWithAddressesIsCleanedUp(Ec2World world) throws Exception {
        everyCrash(world, true, ELASTIC, List.of());
    }

    @Test
    void anAddressWhoseAnswerIsLostIsFoundByItsTags(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ELASTIC);
        world.proxy().loseAnswer("AllocateAddress", 1);

        cloud.launch(spec("s1", true, List.of()), log);

        assertThat(world.addresses()).hasSize(1);
        assertThat(world.proxy().calls("AllocateAddress")).hasSize(1);
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void anAddressThatCannotBeAssociatedIsReleasedByTheDeletion(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ELASTIC);
        world.proxy().refuse("AssociateAddress", 100, 400, "InvalidParameterValue");

        assertThatThrownBy(() -> cloud.launch(spec("s1", true, List.of()), log))
                .isInstanceOf(CloudException.InvalidRequest.class);
        assertThat(world.addresses()).hasSize(1);

        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void anInstanceThatIsNotReadyForItsAddressGetsItLater(Ec2World world) throws Exception {
        AwsCloud cloud = world.open(true, ELASTIC);
        world.proxy().refuse("AssociateAddress", 2, 400, "IncorrectInstanceState");

        cloud.launch(spec("s1", true, List.of()), new MemoryLog());

        assertThat(world.addresses())
                .allSatisfy(a -> assertThat(a.associationId()).isNotEmpty());
    }

    @Test
    void tooFewAddressesAreAQuotaWithAHint(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ELASTIC);
        world.proxy().refuse("AllocateAddress", 100, 400, "AddressLimitExceeded");

        assertThatThrownBy(() -> cloud.launch(spec("s1", true, List.of()), log))
                .isInstanceOf(QuotaExceeded.class)
                .hasMessageContaining("L-0263D0A3")
                .hasMessageContaining("AWS_PUBLIC_TWO_NIC=attach");

        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void anAddressThatIsNotReleasedAtOnceIsReleasedByTheNextDeletion(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ELASTIC);
        cloud.launch(spec("s1", true, List.of()), log);
        world.proxy().refuse("DisassociateAddress", 5, 500, "InternalError");

        assertThatThrownBy(() -> cloud.delete(SandboxId.parse("s1"), log)).isInstanceOf(Unavailable.class);
        assertThat(world.instances()).as("the VM is not kept for its address").isEmpty();
        assertThat(world.addresses()).hasSize(1);

        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    // Volumes

    @Test
    void aCrashAtAnyWriteOfALaunchWithAVolumeIsCleanedUp(Ec2World world) throws Exception {
        String volume = world.volume("us-east-1a");
        everyCrash(world, false, Map.of(), List.of(new VolumeSpec("vol-0", volume, Map.of())));
    }

    @Test
    void aVolumeWhoseAttachmentHasNoAnswerIsAttachedOnce(Ec2World world) throws Exception {
        String volume = world.volume("us-east-1a");
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        world.proxy().loseAnswer("AttachVolume", 1);

        cloud.launch(spec("s1", false, List.of(new VolumeSpec("vol-0", volume, Map.of()))), log);

        assertThat(world.proxy().calls("AttachVolume")).hasSize(1);
        cloud.delete(SandboxId.parse("s1"), log);
        assertThat(world.inventory()).isEqualTo(before);
    }

    // Deletion

    @Test
    void aThrottledDeletionGoesOn(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        cloud.launch(spec("s1"), log);
        world.proxy().refuse("TerminateInstances", 2, 503, "RequestLimitExceeded");

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aDeletionThatEc2FailsIsRepeated(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        cloud.launch(spec("s1"), log);
        world.proxy().refuse("TerminateInstances", 5, 500, "InternalError");

        assertThatThrownBy(() -> cloud.delete(SandboxId.parse("s1"), log)).isInstanceOf(Unavailable.class);
        cloud.delete(SandboxId.parse("s1"), log);
        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void expiredCredentialsStopADeletionWithTheWayOut(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        cloud.launch(spec("s1"), log);
        world.proxy().refuse("TerminateInstances", 1, 400, "RequestExpired");

        assertThatThrownBy(() -> cloud.delete(SandboxId.parse("s1"), log))
                .isInstanceOf(Unauthorized.class)
                .hasMessageContaining("clock");
        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.instances()).isEmpty();
    }

    @Test
    void anInstanceThatSomebodyElseTerminatedIsDeleted(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        PodVm vm = cloud.launch(spec("s1"), log);
        world.proxy().refuse("TerminateInstances", 1, 400, "InvalidInstanceID.NotFound");
        world.admin().terminateInstances(r -> r.instanceIds(vm.id()));

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.instances()).isEmpty();
    }

    @Test
    void anInstanceThatSomebodyElseTerminatedHasEndedAndOneThatRunsHasNot(Ec2World world) throws Exception {
        AwsCloud cloud = world.open();
        PodVm vm = cloud.launch(spec("s1"), new MemoryLog());
        assertThat(cloud.ended(vm)).isEmpty();
        world.admin().terminateInstances(r -> r.instanceIds(vm.id()));

        assertThat(cloud.ended(vm)).hasValueSatisfying(why -> assertThat(why).contains(vm.id()));
        assertThat(cloud.ended(new PodVm("i-0123456789abcdef0", vm.addresses())))
                .as("one that EC2 does not know, or not yet")
                .isEmpty();
    }

    @Test
    void aDeletionWhoseAnswerIsLostIsSentAgain(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        cloud.launch(spec("s1"), log);
        world.proxy().loseAnswer("TerminateInstances", 1);

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aSandboxThatNeverWasIsDeleted(Ec2World world) throws Exception {
        Inventory before = world.inventory();

        world.open().delete(SandboxId.parse("never"), new MemoryLog());

        assertThat(world.inventory()).isEqualTo(before);
    }

    /**
     * Launches once to count the writes, then again and again, each time crashing one write later, followed in turn by a
     * launch and a deletion or by a deletion alone.
     */
    private static void everyCrash(
            Ec2World world, boolean external, Map<String, String> settings, List<VolumeSpec> volumes) throws Exception {
        Inventory before = world.inventory();
        MemoryLog counting = new MemoryLog().crashAt(0);
        AwsCloud whole = world.open(external, settings);
        whole.launch(spec("whole", external, volumes), counting);
        int writes = counting.writes();
        whole.delete(SandboxId.parse("whole"), counting);
        assertThat(world.inventory()).isEqualTo(before);
        assertThat(writes).isGreaterThan(2);
        for (int at = 1; at <= writes; at++) {
            for (boolean again : new boolean[] {true, false}) {
                String sandbox = "s" + at + again;
                LaunchSpec spec = spec(sandbox, external, volumes);
                MemoryLog log = new MemoryLog().crashAt(at);
                assertThatThrownBy(() -> whole.launch(spec, log)).isInstanceOf(MemoryLog.Crash.class);
                if (again) {
                    PodVm vm = whole.launch(spec, log);
                    assertThat(world.instances())
                            .as("crash at write %s", at)
                            .extracting(i -> i.instanceId())
                            .containsExactly(vm.id());
                }
                whole.delete(SandboxId.parse(sandbox), log);
                assertThat(world.inventory())
                        .as("crash at write %s, then %s", at, again ? "launch and delete" : "delete")
                        .isEqualTo(before);
            }
        }
    }

    // EC2 is consistent in the end only

    @Test
    void anInstanceThatEc2DoesNotKnowYetIsTerminatedAllTheSame(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        cloud.launch(spec("s1"), log);
        world.proxy().refuse("TerminateInstances", 1, 400, "InvalidInstanceID.NotFound");

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void addressesThatEc2DoesNotKnowYetAreReleasedAllTheSame(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ELASTIC);
        cloud.launch(spec("s1", true, List.of()), log);
        world.proxy().refuse("ReleaseAddress", 1, 400, "InvalidAllocationID.NotFound");

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void aVolumeThatEc2DoesNotKnowYetIsDetachedAllTheSame(Ec2World world) throws Exception {
        String volume = world.volume("us-east-1a");
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        cloud.launch(spec("s1", false, List.of(new VolumeSpec("vol-0", volume, Map.of()))), log);
        world.proxy().refuse("DetachVolume", 1, 400, "InvalidVolume.NotFound");

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.proxy().calls("DetachVolume")).hasSize(2);
        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void anInterfaceThatEc2DoesNotKnowYetIsDeletedAllTheSame(Ec2World world) throws Exception {
        Inventory before = world.inventory();
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open(true, ATTACH);
        world.proxy().refuse("AttachNetworkInterface", 1, 400, "InvalidParameterValue");
        assertThatThrownBy(() -> cloud.launch(spec("s1", true, List.of()), log)).isInstanceOf(CloudException.class);
        world.proxy().refuse("DeleteNetworkInterface", 1, 400, "InvalidNetworkInterfaceID.NotFound");

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.inventory()).isEqualTo(before);
    }

    @Test
    void anInstanceThatIsGoneForLongIsDeleted(Ec2World world) throws Exception {
        MemoryLog log = new MemoryLog();
        AwsCloud cloud = world.open();
        cloud.launch(spec("s1"), log);
        world.proxy().refuse("TerminateInstances", 1000, 400, "InvalidInstanceID.NotFound");

        cloud.delete(SandboxId.parse("s1"), log);

        assertThat(world.proxy().calls("TerminateInstances")).hasSizeGreaterThan(1);
    }
}
