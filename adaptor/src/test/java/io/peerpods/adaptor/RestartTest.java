package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.HealthCheckResponse.ServingStatus;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import io.peerpods.ttrpc.TtrpcChannel;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What survives the end of an adaptor, clean or not, and what the next one makes of it. */
@NeedsRoot
@NeedsProgram({"nft", "nsenter", "mount"})
class RestartTest {

    private static final String ID = "f".repeat(64);
    private static final String OTHER = "e".repeat(64);

    private TestWorker worker;

    @BeforeEach
    void open() throws Exception {
        worker = TestWorker.open();
    }

    @AfterEach
    void close() throws Exception {
        worker.close();
    }

    private void awaitNothingLeft(String id) throws Exception {
        Eventually.holds("VM is gone", () -> !worker.cloud().sandboxes().contains(id));
        Eventually.holds(
                "directory is gone", () -> !Files.exists(worker.podsDirectory().resolve(id)));
        assertThat(worker.leftovers()).isEmpty();
    }

    private static ServingStatus check(String path) throws Exception {
        try (TtrpcChannel agent = TtrpcChannel.connect(UnixDomainSocketAddress.of(path))) {
            return HealthGrpc.newBlockingStub(agent)
                    .withDeadlineAfter(Duration.ofSeconds(60))
                    .check(CheckRequest.getDefaultInstance())
                    .getStatus();
        }
    }

    @Test
    void killedRightAfterTheLaunchTheVmIsKnownAndStopVmRemovesIt() throws Exception {
        TempNetns pod = worker.pod();
        AdaptorProcess first = worker.adaptor();
        first.create(ID, "web", pod.path().toString());
        CountDownLatch held = new CountDownLatch(1);
        worker.cloud().hold(held);
        CompletableFuture<Boolean> start = CompletableFuture.supplyAsync(() -> {
            try {
                first.startVm(ID);
                return true;
            } catch (Exception e) {
                return false;
            }
        });
        Eventually.holds(
                "socket", () -> Files.exists(worker.podsDirectory().resolve(ID).resolve("agent.ttrpc")));
        first.kill();
        held.countDown();
        worker.cloud().hold(null);
        assertThat(start.get()).isFalse();

        AdaptorProcess second = worker.adaptor();
        second.stopVm(ID);
        awaitNothingLeft(ID);
    }

    @Test
    void aPodThatIsUpIsAdoptedAndItsAgentReachedAgain() throws Exception {
        TempNetns pod = worker.pod();
        AdaptorProcess first = worker.adaptor();
        String path = first.create(ID, "web", pod.path().toString());
        first.startVm(ID);
        assertThat(first.terminate()).as(first.output()).isZero();
        assertThat(worker.cloud().sandboxes()).contains(ID);
        assertThat(first.socket()).doesNotExist();
        assertThat(path).satisfies(socket -> assertThat(Path.of(socket)).doesNotExist());
        // Somebody has damaged the tunnel meanwhile.
        pod.exec("ip", "link", "del", "vxlan1");

        AdaptorProcess second = worker.adaptor();
        assertThat(check(path)).isEqualTo(ServingStatus.SERVING);
        second.startVm(ID);
        assertThat(worker.cloud().launches()).isEqualTo(1);
        Eventually.holds(
                "the tunnel is whole again",
                () -> pod.exec("ip", "-o", "link", "show").contains("vxlan1"));
        // Another pod does not get the living one's VNI.
        second.create(OTHER, "next", worker.pod().path().toString());
        second.startVm(OTHER);
        second.kill();

        AdaptorProcess third = worker.adaptor();
        third.stopVm(ID);
        third.stopVm(OTHER);
        awaitNothingLeft(ID);
        awaitNothingLeft(OTHER);
        assertThat(pod.exec("ip", "-o", "link", "show")).doesNotContain("vxlan1");
    }

    @Test
    void aStartWhileTheCloudFailsServesThePodsThatRunAndGoesOnWhenTheCloudIsBack() throws Exception {
        AdaptorProcess first = worker.adaptor();
        String path = first.create(ID, "web", worker.pod().path().toString());
        first.startVm(ID);
        assertThat(first.terminate()).as(first.output()).isZero();
        Path problem =
                Files.writeString(worker.directory().resolve("problem"), "the credentials have expired: renew them");

        AdaptorProcess second = worker.adaptor(
                "-cloud-config-verify",
                "-test-finding=ERROR",
                "-test-problems=" + problem,
                "-probe-port=0",
                "-metrics-listen=127.0.0.1:0");
        String metrics = second.logged("metrics on ") + "/metrics";
        assertThat(worker.get(metrics)).contains("peerpods_cloud_fails 1.0");
        assertThat(check(path)).isEqualTo(ServingStatus.SERVING);
        assertThat(second.output()).contains("ERROR image test-1");
        String probes = second.logged("probes on ");
        for (String probe : List.of("/startup", "/healthz")) {
            assertThat(worker.get(probes + probe))
                    .startsWith("200 ")
                    .contains("the credentials have expired: renew them");
        }
        String next = worker.pod().path().toString();
        StatusRuntimeException refused =
                catchThrowableOfType(StatusRuntimeException.class, () -> second.create(OTHER, "next", next));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(refused).hasMessageContaining("the credentials have expired: renew them");

        Files.delete(problem);
        assertThat(worker.get(probes + "/startup")).isEqualTo("200 ok\n");
        assertThat(worker.get(metrics)).contains("peerpods_cloud_fails 0.0");
        second.create(OTHER, "next", next);
        second.startVm(OTHER);
        second.stopVm(ID);
        second.stopVm(OTHER);
        awaitNothingLeft(ID);
        awaitNothingLeft(OTHER);
    }

    @Test
    void aSecondAdaptorWaitsAndGoesOnWhenTheFirstHasEnded() throws Exception {
        AdaptorProcess first = worker.adaptor();
        AdaptorProcess second = worker.begin(Map.of(), "-probe-port=0");
        Eventually.holds("it says so", () -> second.output().contains("waiting: another adaptor"));
        assertThat(second.output()).contains("process " + first.pid(), "goes on as soon as");
        String probes = "http://127.0.0.1:" + second.logged("probes on http://127.0.0.1:");
        assertThat(worker.get(probes + "/startup"))
                .startsWith("503 ")
                .contains("another adaptor (process " + first.pid());
        first.stopVm(ID);
        assertThat(first.terminate()).isZero();
        second.awaitReady().stopVm(ID);
    }

    @Test
    void twoAdaptorsOfOneIdentityDoNotRunAtOnceWhateverTheirDirectories() throws Exception {
        TempNetns pod = worker.pod();
        AdaptorProcess first = worker.adaptor();
        first.create(ID, "web", pod.path().toString());
        first.startVm(ID);
        Path other = Files.createDirectory(worker.directory().resolve("other"));
        AdaptorProcess second = worker.begin(
                Map.of(),
                "-state-dir=" + other.resolve("state"),
                "-socket=" + other.resolve("h.sock"),
                "-pods-dir=" + other.resolve("pods"));
        Eventually.holds("it says so", () -> second.output().contains("waiting: another adaptor on this machine"));
        assertThat(second.output()).contains("worker worker of cluster test", "another NODE_NAME");
        assertThat(worker.cloud().sandboxes()).containsExactly(ID);
        // A signal while waiting is an orderly end.
        assertThat(second.terminate()).as(second.output()).isZero();
        first.stopVm(ID);
        awaitNothingLeft(ID);
    }

    @Test
    void anOrphanInTheCloudIsDeletedAndAnInterruptedRemovalIsFinished() throws Exception {
        worker.cloud().plant(OTHER);
        AdaptorProcess first = worker.adaptor();
        Eventually.holds("orphan is gone", () -> worker.cloud().sandboxes().isEmpty());
        first.create(ID, "web", worker.pod().path().toString());
        first.startVm(ID);
        CountDownLatch held = new CountDownLatch(1);
        worker.cloud().holdDeletes(held);
        first.stopVm(ID);
        first.kill();
        held.countDown();
        worker.cloud().holdDeletes(null);
        worker.adaptor();
        awaitNothingLeft(ID);
    }

    private CompletableFuture<Status> startInBackground(AdaptorProcess adaptor) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                adaptor.startVm(ID);
                return Status.OK;
            } catch (StatusRuntimeException e) {
                return e.getStatus();
            } catch (java.io.IOException e) {
                return Status.UNKNOWN.withCause(e);
            }
        });
    }

    /** An adaptor with a StartVM that waits for the cloud. */
    private CompletableFuture<Status> heldStart(AdaptorProcess adaptor, CountDownLatch held) throws Exception {
        adaptor.create(ID, "web", worker.pod().path().toString());
        worker.cloud().hold(held);
        CompletableFuture<Status> start = startInBackground(adaptor);
        Eventually.holds("the launch has arrived", () -> worker.cloud().isLaunching());
        return start;
    }

    @Test
    void aSignalDuringStartVmKeepsTheVmForAStartVmAtTheNextAdaptor() throws Exception {
        AdaptorProcess first = worker.adaptor();
        CountDownLatch held = new CountDownLatch(1);
        CompletableFuture<Status> start = heldStart(first, held);
        assertThat(first.terminate()).as(first.output()).isZero();
        assertThat(start.get().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(start.get().getDescription()).contains(ID, "the adaptor is stopping");
        held.countDown();
        worker.cloud().hold(null);
        Eventually.holds("the VM is there", () -> worker.cloud().sandboxes().contains(ID));

        AdaptorProcess second = worker.adaptor();
        Eventually.holds("compared with the cloud", () -> second.output().contains("VMs in the cloud"));
        second.startVm(ID);
        assertThat(worker.cloud().launches()).isEqualTo(1);
        assertThat(second.output()).doesNotContain("removing default/web");
        second.stopVm(ID);
        awaitNothingLeft(ID);
    }

    @Test
    void theStopVmThatFollowsASignalDuringStartVmIsTakenAndTheNextAdaptorDeletesTheVm() throws Exception {
        AdaptorProcess first = worker.adaptor();
        CountDownLatch held = new CountDownLatch(1);
        CompletableFuture<Boolean> stopped = heldStart(first, held).thenApply(failed -> {
            // As Kata's Go shim does, at once and on a new connection.
            try {
                first.stopVm(ID);
                return true;
            } catch (StatusRuntimeException | java.io.IOException e) {
                return false;
            }
        });
        assertThat(first.terminate()).as(first.output()).isZero();
        assertThat(stopped.get()).isTrue();
        held.countDown();
        worker.cloud().hold(null);
        Eventually.holds("the VM is there", () -> worker.cloud().sandboxes().contains(ID));

        worker.adaptor();
        awaitNothingLeft(ID);
    }

    @Test
    void orphansAreDeletedAlthoughTheFirstComparisonHitAnError() throws Exception {
        worker.cloud().plant(OTHER);
        worker.cloud().breakNext("owned", 1);
        worker.cloud().breakNext("delete", 1);
        worker.adaptor();
        Eventually.holds("orphan is gone", () -> worker.cloud().sandboxes().isEmpty());
    }

    /** As root, an adaptor that takes a name for granted deletes files of other programs. */
    @Test
    void namesThatAreNoSandboxIdsAreLeftAlone() throws Exception {
        Path victim = Files.createDirectory(worker.directory().resolve("victim"));
        Path precious = Files.writeString(victim.resolve("precious"), "x");
        Path foreign = Files.createDirectories(worker.podsDirectory().resolve("..victim"));
        Files.writeString(foreign.resolve("agent.ttrpc"), "x");
        Path journals =
                Files.createDirectories(worker.directory().resolve("state").resolve("journals"));
        Files.writeString(journals.resolve("..victim.journal"), "x");
        worker.cloud().plant("../victim");
        worker.cloud().plant("..");
        worker.cloud().plant("");

        AdaptorProcess adaptor = worker.adaptor();
        Eventually.holds("compared with the cloud", () -> adaptor.output().contains("VMs in the cloud"));
        for (String id : List.of("../victim", "..", "", "a/../victim", "victim/", "a\nb")) {
            StatusRuntimeException refused =
                    catchThrowableOfType(StatusRuntimeException.class, () -> adaptor.stopVm(id));
            assertThat(refused.getStatus().getCode()).as(id).isEqualTo(Status.Code.INVALID_ARGUMENT);
        }
        assertThat(precious).exists();
        assertThat(foreign.resolve("agent.ttrpc")).exists();
        assertThat(worker.cloud().sandboxes()).containsExactlyInAnyOrder("../victim", "..", "");
        assertThat(adaptor.output()).doesNotContain("recovery");
    }

    @Test
    void aLostStoreDeletesNothing() throws Exception {
        AdaptorProcess first = worker.adaptor();
        first.create(ID, "web", worker.pod().path().toString());
        first.startVm(ID);
        worker.cloud().plant(OTHER);
        first.kill();
        try (Stream<Path> files = Files.list(worker.directory().resolve("state"))) {
            for (Path file : files.filter(path -> path.getFileName().toString().startsWith("sandboxes.db"))
                    .toList()) {
                Files.delete(file);
            }
        }

        AdaptorProcess second = worker.adaptor();
        assertThat(second.output()).contains("recovery", ID);
        Eventually.holds("compared with the cloud", () -> second.output().contains("VMs in the cloud"));
        assertThat(worker.cloud().sandboxes()).containsExactlyInAnyOrder(ID, OTHER);
        // What Kata stops by name is removed all the same.
        second.stopVm(ID);
        awaitNothingLeft(ID);
        assertThat(worker.cloud().sandboxes()).containsExactly(OTHER);
        second.kill();
        // With nothing carried any more, the next start clears up.
        worker.adaptor();
        Eventually.holds("orphan is gone", () -> worker.cloud().sandboxes().isEmpty());
    }

    private void loseTheStore() throws Exception {
        try (Stream<Path> files = Files.list(worker.directory().resolve("state"))) {
            for (Path file : files.filter(path -> path.getFileName().toString().startsWith("sandboxes.db"))
                    .toList()) {
                Files.delete(file);
            }
        }
    }

    @Test
    void recoveryEndsWhenThePodsDiedWhileNothingServed() throws Exception {
        TempNetns pod = worker.pod();
        AdaptorProcess first = worker.adaptor();
        first.create(ID, "web", pod.path().toString());
        first.startVm(ID);
        first.kill();
        loseTheStore();
        AdaptorProcess second = worker.adaptor();
        assertThat(second.output()).contains("recovery: the store is new", ID);
        second.kill();
        pod.close();
        AdaptorProcess third = worker.adaptor();
        assertThat(third.output()).contains("recovery is over");
        awaitNothingLeft(ID);
    }

    @Test
    void recoveryEndsWithoutARestartWhenItsPodsAreGone() throws Exception {
        TempNetns pod = worker.pod();
        AdaptorProcess first = worker.adaptor();
        first.create(ID, "web", pod.path().toString());
        first.startVm(ID);
        first.kill();
        loseTheStore();
        AdaptorProcess second = worker.adaptor("-reconcile-interval=500ms");
        Eventually.holds("kept", () -> second.output().contains("is kept"));
        pod.close();
        Eventually.holds("the end", () -> second.output().contains("recovery is over"));
        awaitNothingLeft(ID);
    }

    @Test
    void aRestartWithAnotherStateDirectoryKeepsTheVmsOfRunningPods() throws Exception {
        TempNetns pod = worker.pod();
        AdaptorProcess first = worker.adaptor();
        first.create(ID, "web", pod.path().toString());
        first.startVm(ID);
        first.kill();
        AdaptorProcess second = worker.adaptor(
                "-state-dir=" + worker.directory().resolve("state2"),
                "-pods-dir=" + worker.directory().resolve("pods2"),
                "-reconcile-interval=300ms");
        assertThat(second.output()).contains("recovery", ID);
        // Several looks.
        Eventually.holds("looked", () -> second.output().split("is kept", -1).length > 5);
        assertThat(worker.cloud().sandboxes()).containsExactly(ID);
        // The kernel refuses a second tunnel with a VNI that it carries: no VM is spent to find that out.
        second.create(OTHER, "next", worker.pod().path().toString());
        second.startVm(OTHER);
        assertThat(worker.cloud().launches()).isEqualTo(2);
        second.stopVm(OTHER);
        second.stopVm(ID);
        Eventually.holds("VMs are gone", () -> worker.cloud().sandboxes().isEmpty());
    }

    @Test
    void aRowThatCannotBeReadKeepsItsVmAndTheOthersAreServed() throws Exception {
        TempNetns pod = worker.pod();
        AdaptorProcess first = worker.adaptor();
        first.create(ID, "broken", pod.path().toString());
        first.startVm(ID);
        String whole = first.create(OTHER, "whole", worker.pod().path().toString());
        first.startVm(OTHER);
        assertThat(first.terminate()).isZero();
        try (var connection = java.sql.DriverManager.getConnection(
                        "jdbc:sqlite:" + worker.directory().resolve("state/sandboxes.db"));
                var statement = connection.createStatement()) {
            statement.executeUpdate("UPDATE sandbox SET network='{}' WHERE id='" + ID + "'");
        }
        AdaptorProcess second = worker.adaptor("-reconcile-interval=300ms", "-sweep-interval=300ms");
        assertThat(second.output()).contains("the stored row of sandbox " + ID + " cannot be read");
        assertThat(check(whole)).isEqualTo(ServingStatus.SERVING);
        StatusRuntimeException refused = catchThrowableOfType(
                StatusRuntimeException.class,
                () -> second.create(ID, "broken", pod.path().toString()));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(refused.getStatus().getDescription()).contains(ID, "cannot be read", "delete the pod");
        worker.cloud().plant("b".repeat(64));
        Eventually.holds(
                "orphans are looked for", () -> worker.cloud().sandboxes().size() == 2);
        assertThat(worker.cloud().sandboxes()).containsExactlyInAnyOrder(ID, OTHER);
        pod.close();
        Eventually.holds(
                "its VM goes with its pod", () -> !worker.cloud().sandboxes().contains(ID));
        second.stopVm(OTHER);
        awaitNothingLeft(OTHER);
        awaitNothingLeft(ID);
    }

    @Test
    void anOrphanThatAppearsWhileTheAdaptorRunsIsFound() throws Exception {
        AdaptorProcess adaptor = worker.adaptor("-reconcile-interval=300ms");
        Eventually.holds("the first look is over", () -> adaptor.output().contains("VMs in the cloud"));
        adaptor.create(ID, "web", worker.pod().path().toString());
        adaptor.startVm(ID);
        worker.cloud().plant(OTHER);
        Eventually.holds("orphan is gone", () -> !worker.cloud().sandboxes().contains(OTHER));
        assertThat(worker.cloud().sandboxes()).containsExactly(ID);
        adaptor.stopVm(ID);
        awaitNothingLeft(ID);
    }

    @Test
    void aVmThatAnotherMachineOfThisNameMadeIsNamedAndKept() throws Exception {
        worker.cloud().plant("other-machine-1");
        worker.cloud().plant(OTHER);
        AdaptorProcess adaptor = worker.adaptor("-reconcile-interval=300ms", "-metrics-listen=127.0.0.1:0");
        Eventually.holds(
                "the orphan of this machine is gone",
                () -> !worker.cloud().sandboxes().contains(OTHER));
        assertThat(worker.cloud().sandboxes()).containsExactly("other-machine-1");
        assertThat(adaptor.output())
                .contains("vm-other-machine-1 in the cloud was made by another machine")
                .contains("delete vm-other-machine-1 in the cloud");
        assertThat(worker.get(adaptor.logged("metrics on ") + "/metrics")).contains("peerpods_kept_vms 1.0");
    }

    @Test
    void aCloudThatAcceptsAndStaysSilentHoldsUpNeitherTheStartNorRunningPods() throws Exception {
        AdaptorProcess first = worker.adaptor();
        String path = first.create(ID, "web", worker.pod().path().toString());
        first.startVm(ID);
        assertThat(first.terminate()).as(first.output()).isZero();
        Path silent = worker.directory().resolve("silent.sock");
        try (ServerSocketChannel cloud = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            cloud.bind(UnixDomainSocketAddress.of(silent));
            AdaptorProcess second = worker.adaptor("-test-cloud=" + silent, "-probe-port=0");
            assertThat(check(path)).isEqualTo(ServingStatus.SERVING);
            assertThat(worker.get(second.logged("probes on ") + "/healthz")).startsWith("200 ");
            second.stopVm(ID);
            assertThat(second.terminate()).as(second.output()).isZero();
        }
        assertThat(worker.cloud().sandboxes()).containsExactly(ID);
        AdaptorProcess third = worker.adaptor();
        awaitNothingLeft(ID);
        assertThat(third.terminate()).as(third.output()).isZero();
    }

    @Test
    void podsWhoseTunnelEndedAtAnAddressThatTheWorkerLostAreNamedAndNewPodsUseTheNewOne() throws Exception {
        AdaptorProcess adaptor = worker.adaptor("-sweep-interval=300ms", "-metrics-listen=127.0.0.1:0");
        String metrics = adaptor.logged("metrics on ") + "/metrics";
        adaptor.create(ID, "web", worker.pod().path().toString());
        adaptor.startVm(ID);
        Eventually.holds("no pod is without", () -> worker.get(metrics).contains("peerpods_pods_without_underlay 0.0"));
        worker.netns().exec("ip", "addr", "del", "192.0.2.10/24", "dev", "nic0");
        worker.netns().exec("ip", "addr", "add", "192.0.2.11/24", "dev", "nic0");
        worker.netns().exec("ip", "route", "replace", "default", "via", "192.0.2.1", "dev", "nic0", "onlink");
        Eventually.holds(
                "the pod is named",
                () -> adaptor.output()
                        .contains(
                                "this worker has no longer the address 192.0.2.10, where the tunnels of these pods end:"
                                        + " default/web (sandbox " + ID + ")"));
        Eventually.holds("it is counted", () -> worker.get(metrics).contains("peerpods_pods_without_underlay 1.0"));
        TempNetns later = worker.pod();
        adaptor.create(OTHER, "later", later.path().toString());
        adaptor.startVm(OTHER);
        assertThat(later.exec("ip", "-d", "link", "show", "type", "vxlan")).contains("local 192.0.2.11");
        worker.netns().exec("ip", "addr", "add", "192.0.2.10/24", "dev", "nic0");
        Eventually.holds("it works again", () -> adaptor.output().contains("has the address 192.0.2.10 again"));
        adaptor.stopVm(ID);
        adaptor.stopVm(OTHER);
        worker.netns().exec("ip", "addr", "flush", "dev", "nic0");
        worker.netns().exec("ip", "addr", "add", "192.0.2.10/24", "dev", "nic0");
        worker.netns().exec("ip", "route", "replace", "default", "via", "192.0.2.1", "dev", "nic0", "onlink");
        awaitNothingLeft(ID);
        awaitNothingLeft(OTHER);
    }

    @Test
    void whatNobodyStartsAndWhosePodIsGoneIsRemoved() throws Exception {
        AdaptorProcess adaptor = worker.adaptor("-unstarted-timeout=2s", "-sweep-interval=300ms");
        TempNetns pod = worker.pod();
        adaptor.create(ID, "web", pod.path().toString());
        adaptor.startVm(ID);
        adaptor.create(OTHER, "forgotten", worker.pod().path().toString());
        Eventually.holds(
                "the unstarted one is forgotten",
                () -> !Files.exists(worker.podsDirectory().resolve(OTHER)));
        assertThat(worker.cloud().sandboxes()).containsExactly(ID);
        pod.close();
        awaitNothingLeft(ID);
    }

    @Test
    void whatCannotBeWrittenIsSaidAndLeavesNothing() throws Exception {
        AdaptorProcess adaptor = worker.adaptor();
        Files.createFile(worker.podsDirectory());
        String netns = worker.pod().path().toString();
        StatusRuntimeException refused =
                catchThrowableOfType(StatusRuntimeException.class, () -> adaptor.create(ID, "web", netns));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(refused.getStatus().getDescription()).contains(ID, "cannot make", "PODS_DIR");
        Files.delete(worker.podsDirectory());
        // No row is left: the id is unknown.
        StatusRuntimeException unknown = catchThrowableOfType(StatusRuntimeException.class, () -> adaptor.startVm(ID));
        assertThat(unknown.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
        adaptor.create(ID, "web", netns);
        adaptor.stopVm(ID);
        awaitNothingLeft(ID);
    }

    @Test
    void aFullDiskIsSaidAndLeavesNothing() throws Exception {
        Path state = Files.createDirectory(worker.directory().resolve("state"));
        List<String> inOwnMounts = List.of(
                "nsenter",
                "--net=" + worker.netns().path(),
                "unshare",
                "-m",
                "--propagation=slave",
                "sh",
                "-c",
                "mount -t tmpfs -o size=512k none " + state + " && exec \"$@\"",
                "sh");
        AdaptorProcess adaptor = worker.begin(inOwnMounts, Map.of()).awaitReady();
        Path there = Path.of("/proc", Long.toString(adaptor.pid()), "root")
                .resolve(state.toString().substring(1));
        byte[] block = new byte[4096];
        try (var filler = Files.newOutputStream(there.resolve("filler"))) {
            while (true) {
                filler.write(block);
            }
        } catch (java.io.IOException full) {
            assertThat(full).hasMessageContaining("space");
        }
        String netns = worker.pod().path().toString();
        StatusRuntimeException refused =
                catchThrowableOfType(StatusRuntimeException.class, () -> adaptor.create(ID, "web", netns));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(refused.getStatus().getDescription()).contains(ID, "STATE_DIR");
        assertThat(worker.podsDirectory().resolve(ID)).doesNotExist();
        Files.delete(there.resolve("filler"));
        adaptor.create(ID, "web", netns);
        adaptor.startVm(ID);
        adaptor.stopVm(ID);
        awaitNothingLeft(ID);
    }

    @Test
    void twoCapabilitiesAndReadOnlyKernelSettingsAreEnough() throws Exception {
        List<String> confined = List.of(
                "nsenter",
                "--net=" + worker.netns().path(),
                "unshare",
                "-m",
                "--propagation=slave",
                "sh",
                "-c",
                "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec setpriv --no-new-privs"
                        + " --bounding-set=-all,+net_admin,+sys_admin --inh-caps=-all \"$@\"",
                "sh");
        AdaptorProcess adaptor = worker.begin(confined, Map.of()).awaitReady();
        TempNetns pod = worker.pod();
        String path = adaptor.create(ID, "web", pod.path().toString());
        adaptor.startVm(ID);
        assertThat(check(path)).isEqualTo(ServingStatus.SERVING);
        assertThat(Files.readString(Path.of("/proc/" + adaptor.pid() + "/status")))
                .contains("CapEff:\t0000000000201000", "NoNewPrivs:\t1");
        adaptor.stopVm(ID);
        awaitNothingLeft(ID);
    }
}
