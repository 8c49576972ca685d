package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.HealthCheckResponse.ServingStatus;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.podvminfo.GetInfoRequest;
import io.peerpods.proto.podvminfo.PodVMInfoGrpc;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import io.peerpods.testing.TempNetns;
import io.peerpods.ttrpc.TtrpcChannel;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The life of sandboxes in one running adaptor: real process, real kernel, real TLS, a small cloud. */
@NeedsRoot
@NeedsProgram({"nft", "nsenter"})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LifeCycleTest {

    private TestWorker worker;
    private AdaptorProcess adaptor;
    private int count;

    @BeforeAll
    void start() throws Exception {
        worker = TestWorker.open();
        adaptor = worker.adaptor();
    }

    @AfterAll
    void end() throws Exception {
        worker.close();
    }

    @AfterEach
    void everythingIsLetGoOf() {
        worker.cloud().hold(null);
        worker.cloud().holdDeletes(null);
        worker.cloud().refuse("");
        worker.cloud().agentsRefuse("");
        worker.cloud().failDeletes(0);
    }

    private String newId() {
        count++;
        return String.format("%062x%02x", 0xabc, count);
    }

    private static StatusRuntimeException failure(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        return catchThrowableOfType(StatusRuntimeException.class, call);
    }

    private CompletableFuture<Status> startInBackground(String id) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                adaptor.startVm(id);
                return Status.OK;
            } catch (StatusRuntimeException e) {
                return e.getStatus();
            } catch (java.io.IOException e) {
                return Status.UNKNOWN.withCause(e);
            }
        });
    }

    private void awaitGone(String id) throws Exception {
        Eventually.holds(
                "VM of " + id + " is gone", () -> !worker.cloud().sandboxes().contains(id));
        Eventually.holds(
                "directory of " + id + " is gone",
                () -> !Files.exists(worker.podsDirectory().resolve(id)));
    }

    private static String links(TempNetns pod) {
        return pod.exec("ip", "-o", "link", "show");
    }

    @Test
    void aPodIsCreatedStartedReachedAndStopped() throws Exception {
        String id = newId();
        TempNetns pod = worker.pod();
        String path = adaptor.create(id, "web", pod.path().toString());
        assertThat(path)
                .isEqualTo(worker.podsDirectory()
                        .resolve(id)
                        .resolve("agent.ttrpc")
                        .toString());
        assertThat(worker.cloud().wasLaunched(id)).isFalse();

        adaptor.startVm(id);
        assertThat(worker.cloud().sandboxes()).contains(id);
        assertThat(links(pod)).contains("vxlan1", "alias peerpods:" + id);
        try (TtrpcChannel agent = TtrpcChannel.connect(UnixDomainSocketAddress.of(path))) {
            assertThat(HealthGrpc.newBlockingStub(agent)
                            .withDeadlineAfter(Duration.ofSeconds(60))
                            .check(CheckRequest.getDefaultInstance())
                            .getStatus())
                    .isEqualTo(ServingStatus.SERVING);
        }

        adaptor.stopVm(id);
        awaitGone(id);
        assertThat(links(pod)).doesNotContain("vxlan1");
        adaptor.stopVm(id);
        assertThat(worker.leftovers()).isEmpty();
    }

    @Test
    void aSandboxIdWithAHyphenInItsEighthPlaceIsServed() throws Exception {
        String id = "abcdefg-" + newId().substring(8);
        adaptor.create(id, "hyphen", worker.pod().path().toString());
        adaptor.startVm(id);
        adaptor.stopVm(id);
        awaitGone(id);
    }

    /** Go's dial does not wait: what the backlog does not take fails with EAGAIN, and Kata does not dial again. */
    @Test
    void aBurstOfConnectsIsTakenWhileTheAdaptorIsBusy() throws Exception {
        String id = newId();
        Path agent = Path.of(adaptor.create(id, "burst", worker.pod().path().toString()));
        adaptor.startVm(id);
        Programs.require("kill", "-STOP", Long.toString(adaptor.pid()));
        try {
            assertThat(refusedOf(1500, adaptor.socket())).isZero();
            assertThat(refusedOf(1500, agent)).isZero();
        } finally {
            Programs.require("kill", "-CONT", Long.toString(adaptor.pid()));
        }
        adaptor.stopVm(id);
        awaitGone(id);
    }

    private static int refusedOf(int connects, Path socket) throws Exception {
        List<SocketChannel> channels = new ArrayList<>();
        int refused = 0;
        try {
            for (int i = 0; i < connects; i++) {
                SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
                channels.add(channel);
                channel.configureBlocking(false);
                // False is what Java makes of EAGAIN.
                refused += channel.connect(UnixDomainSocketAddress.of(socket)) ? 0 : 1;
            }
        } finally {
            for (SocketChannel channel : channels) {
                channel.close();
            }
        }
        return refused;
    }

    @Test
    void anErrorInALaunchFailsStartVmAndLeavesNothing() throws Exception {
        String id = newId();
        adaptor.create(id, "broken", worker.pod().path().toString());
        worker.cloud().breakNext("launch", 1);
        StatusRuntimeException failed = failure(() -> adaptor.startVm(id));
        assertThat(failed.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
        assertThat(failed.getStatus().getDescription()).contains(id, "default/broken", "io/example/launch");
        awaitGone(id);
        assertThat(worker.leftovers()).isEmpty();
    }

    @Test
    void aRemovalGoesOnAfterAnErrorInIt() throws Exception {
        String id = newId();
        adaptor.create(id, "broken", worker.pod().path().toString());
        adaptor.startVm(id);
        worker.cloud().breakNext("delete", 2);
        adaptor.stopVm(id);
        awaitGone(id);
        assertThat(worker.leftovers()).isEmpty();
    }

    @Test
    void createVmAgainGivesTheSameAnswer() throws Exception {
        String id = newId();
        TempNetns pod = worker.pod();
        String first = adaptor.create(id, "again", pod.path().toString());
        assertThat(adaptor.create(id, "again", pod.path().toString())).isEqualTo(first);
        adaptor.stopVm(id);
        awaitGone(id);
        assertThat(worker.cloud().wasLaunched(id)).isFalse();
    }

    @Test
    void whatIsNoSandboxIdIsRefusedByAllThreeCalls() throws Exception {
        String netns = worker.pod().path().toString();
        for (String id : List.of("", "../x", "a/b", "a".repeat(300), ".", "..", "-x", "x\ny")) {
            StatusRuntimeException created = failure(() -> adaptor.create(id, "bad", netns));
            assertThat(created.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(created.getStatus().getDescription()).contains("default/bad");
            assertThat(failure(() -> adaptor.startVm(id)).getStatus().getCode())
                    .isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(failure(() -> adaptor.stopVm(id)).getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        }
        assertThat(worker.directory().resolve("x")).doesNotExist();
    }

    @Test
    void aPodWithoutANamespaceOfItsOwnIsRefusedAndNothingIsLeft() throws Exception {
        String id = newId();
        for (String netns : List.of(
                "",
                "/run/netns/ppt-nobody",
                worker.netns().path().toString(),
                "relative",
                "/run/netns/a\0b",
                "/run/netns/\u202e" + "x".repeat(5000))) {
            StatusRuntimeException refused = failure(() -> adaptor.create(id, "host", netns));
            assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(refused.getStatus().getDescription()).contains(id, "default/host");
        }
        assertThat(worker.podsDirectory().resolve(id)).doesNotExist();
        assertThat(failure(() -> adaptor.startVm(id)).getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void aSandboxWithoutAPodsNameIsRefused() throws Exception {
        StatusRuntimeException refused =
                failure(() -> adaptor.create(newId(), "", worker.pod().path().toString()));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refused.getStatus().getDescription()).contains("io.kubernetes.cri.sandbox-name");
    }

    @Test
    void stoppingWhatIsUnknownIsFine() throws Exception {
        adaptor.stopVm(newId());
    }

    @Test
    void stopVmDuringStartVmAbortsTheStartAndLeavesNoVm() throws Exception {
        String id = newId();
        TempNetns pod = worker.pod();
        adaptor.create(id, "hasty", pod.path().toString());
        CountDownLatch held = new CountDownLatch(1);
        worker.cloud().hold(held);
        CompletableFuture<Status> start = startInBackground(id);
        Eventually.holds("launching", () -> adaptor.output().contains("LAUNCHING") || !start.isDone());
        Eventually.holds(
                "agent socket",
                () -> Files.exists(worker.podsDirectory().resolve(id).resolve("agent.ttrpc")));
        adaptor.stopVm(id);
        assertThat(start.get().getCode()).isEqualTo(Status.Code.ABORTED);
        held.countDown();
        awaitGone(id);
        assertThat(links(pod)).doesNotContain("vxlan1");
    }

    @Test
    void aCallerWhoHangsUpOnStartVmLeavesNoVm() throws Exception {
        String id = newId();
        adaptor.create(id, "killed", worker.pod().path().toString());
        CountDownLatch held = new CountDownLatch(1);
        worker.cloud().hold(held);
        try (TtrpcChannel shim = TtrpcChannel.connect(UnixDomainSocketAddress.of(adaptor.socket()))) {
            var call = HypervisorGrpc.newFutureStub(shim)
                    .startVM(StartVMRequest.newBuilder().setId(id).build());
            Eventually.holds(
                    "agent socket",
                    () -> Files.exists(worker.podsDirectory().resolve(id).resolve("agent.ttrpc")));
            assertThat(call.isDone()).isFalse();
        }
        held.countDown();
        awaitGone(id);
    }

    @Test
    void startVmTwiceIsOneVm() throws Exception {
        String id = newId();
        adaptor.create(id, "twice", worker.pod().path().toString());
        int before = worker.cloud().launches();
        CompletableFuture<Status> one = startInBackground(id);
        CompletableFuture<Status> other = startInBackground(id);
        assertThat(one.get()).isEqualTo(Status.OK);
        assertThat(other.get()).isEqualTo(Status.OK);
        adaptor.startVm(id);
        assertThat(worker.cloud().launches() - before).isEqualTo(1);
        adaptor.stopVm(id);
        awaitGone(id);
    }

    @Test
    void theAgentsOwnWordsReachKata() throws Exception {
        String id = newId();
        TempNetns pod = worker.pod();
        worker.cloud().agentsRefuse("no second NIC within 60 s (ENODEV)");
        adaptor.create(id, "broken", pod.path().toString());
        StatusRuntimeException refused = failure(() -> adaptor.startVm(id));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(refused.getStatus().getDescription())
                .contains(id, "default/broken", "no second NIC within 60 s (ENODEV)");
        awaitGone(id);
        assertThat(links(pod)).doesNotContain("vxlan1");
    }

    @Test
    void aLaunchThatFailsSaysWhyAndItsRemovalIsRepeatedUntilItSucceeds() throws Exception {
        String id = newId();
        adaptor.create(id, "unlucky", worker.pod().path().toString());
        worker.cloud().refuse("no m6a.large is free");
        worker.cloud().failDeletes(2);
        StatusRuntimeException refused = failure(() -> adaptor.startVm(id));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(refused.getStatus().getDescription()).contains(id, "no m6a.large is free");
        Eventually.holds(
                "the sandbox is forgotten",
                () -> failure(() -> adaptor.startVm(id)).getStatus().getCode() == Status.Code.NOT_FOUND);
    }

    @Test
    void aVxlanOfSomebodyElseThatKeepsTheTunnelsPortFailsStartVmBeforeAVmIsLaunched() throws Exception {
        String id = newId();
        adaptor.create(id, "web", worker.pod().path().toString());
        worker.netns().exec("ip", "link", "add", "cni0vx", "type", "vxlan", "external", "dstport", "4789");
        try {
            worker.netns().exec("ip", "link", "set", "cni0vx", "up");
            StatusRuntimeException refused = failure(() -> adaptor.startVm(id));
            assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(refused.getStatus().getDescription()).contains("4789", "cni0vx", "external", "VXLAN_PORT");
            assertThat(worker.cloud().wasLaunched(id)).isFalse();
        } finally {
            worker.netns().exec("ip", "link", "del", "cni0vx");
        }
        adaptor.stopVm(id);
        awaitGone(id);
    }

    @Test
    void aCnisOrdinaryVxlanOnTheTunnelsPortComesUpBesideAPod() throws Exception {
        String id = newId();
        adaptor.create(id, "web", worker.pod().path().toString());
        adaptor.startVm(id);
        worker.netns()
                .exec("ip", "link", "add", "cali", "type", "vxlan", "id", "4096", "dev", "nic0", "dstport", "4789");
        try {
            worker.netns().exec("ip", "link", "set", "cali", "up");
            String other = newId();
            adaptor.create(other, "web2", worker.pod().path().toString());
            adaptor.startVm(other);
            adaptor.stopVm(other);
            awaitGone(other);
        } finally {
            worker.netns().exec("ip", "link", "del", "cali");
            adaptor.stopVm(id);
            awaitGone(id);
        }
    }

    @Test
    void stopVmOutlivesItsCallersDeadline() throws Exception {
        String id = newId();
        adaptor.create(id, "slow", worker.pod().path().toString());
        adaptor.startVm(id);
        CountDownLatch held = new CountDownLatch(1);
        worker.cloud().holdDeletes(held);
        var _ = adaptor.call(channel -> HypervisorGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Duration.ofSeconds(30))
                .stopVM(StopVMRequest.newBuilder().setId(id).build()));
        assertThat(worker.cloud().sandboxes()).contains(id);
        assertThat(failure(() -> adaptor.startVm(id)).getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
        held.countDown();
        awaitGone(id);
    }

    @Test
    void podVmInfoTellsTheVmAndWaitsForIt() throws Exception {
        String id = newId();
        GetInfoRequest.Builder info =
                GetInfoRequest.newBuilder().setPodName("asked").setPodNamespace("default");
        StatusRuntimeException unknown = failure(() ->
                adaptor.call(channel -> PodVMInfoGrpc.newBlockingStub(channel).getInfo(info.build())));
        assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
        StatusRuntimeException impatient = failure(() -> adaptor.call(channel -> PodVMInfoGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Duration.ofMillis(300))
                .getInfo(info.setWait(true).build())));
        assertThat(impatient.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);

        CompletableFuture<String> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return adaptor.call(channel -> PodVMInfoGrpc.newBlockingStub(channel)
                        .getInfo(info.setWait(true).build())
                        .getVMID());
            } catch (java.io.IOException e) {
                return e.toString();
            }
        });
        adaptor.create(id, "asked", worker.pod().path().toString());
        adaptor.startVm(id);
        assertThat(waiting.get()).isEqualTo("vm-" + id);
        adaptor.stopVm(id);
        awaitGone(id);
    }

    @Test
    void tenPodsAtOnce() throws Exception {
        List<String> ids =
                java.util.stream.Stream.generate(this::newId).limit(10).toList();
        List<TempNetns> pods = ids.stream().map(id -> worker.pod()).toList();
        List<CompletableFuture<Status>> starts = new java.util.ArrayList<>();
        for (int i = 0; i < ids.size(); i++) {
            adaptor.create(ids.get(i), "many-" + i, pods.get(i).path().toString());
        }
        ids.forEach(id -> starts.add(startInBackground(id)));
        for (CompletableFuture<Status> start : starts) {
            assertThat(start.get()).isEqualTo(Status.OK);
        }
        assertThat(worker.cloud().sandboxes()).containsAll(ids);
        for (String id : ids) {
            adaptor.stopVm(id);
        }
        for (String id : ids) {
            awaitGone(id);
        }
    }

    @Test
    void secretsAreReadableByTheirOwnerOnly() throws Exception {
        Path state = worker.directory().resolve("state");
        assertThat(java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(state)))
                .isEqualTo("rwx------");
        try (var files = Files.walk(state)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                        .as(file.toString())
                        .isIn("rw-------");
            }
        }
        assertThat(java.nio.file.attribute.PosixFilePermissions.toString(
                        Files.getPosixFilePermissions(adaptor.socket())))
                .isEqualTo("rw-------");
    }

    @Test
    void everyoneWhoWaitsForTheSameStartIsAnswered() throws ExecutionException, InterruptedException, Exception {
        String id = newId();
        adaptor.create(id, "shared", worker.pod().path().toString());
        CountDownLatch held = new CountDownLatch(1);
        worker.cloud().hold(held);
        CompletableFuture<Status> patient = startInBackground(id);
        // One of two gives up: the other's VM stays.
        StatusRuntimeException impatient = failure(() -> adaptor.call(channel -> HypervisorGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Duration.ofMillis(500))
                .startVM(StartVMRequest.newBuilder().setId(id).build())));
        assertThat(impatient.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        held.countDown();
        assertThat(patient.get()).isEqualTo(Status.OK);
        adaptor.stopVm(id);
        awaitGone(id);
    }
}
