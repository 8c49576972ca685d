package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.linux.Netns;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.KataPod;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.Shim;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.Vm;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What Kata is answered when its calls make no sense, come twice, or meet what cannot work; and that nothing is left then. */
@Tag("root")
@NeedsDistributions
class OutcomesTest {

    @SuppressWarnings("NullAway.Init")
    private static Lab lab;

    @SuppressWarnings("NullAway.Init")
    private static Adaptor adaptor;

    @BeforeAll
    static void make() throws InterruptedException {
        lab = Lab.make();
        adaptor = lab.adaptor(Adaptor.Options.of(PodConnection.BY_WORKER));
    }

    @AfterAll
    static void end() {
        lab.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"../x", "", "LONG", "a/b", ".", "-x"})
    void aBadIdIsRefusedByEveryCallAndLeavesNothing(String text) {
        String id = text.equals("LONG") ? "x".repeat(300) : text;
        ClusterPod cni = lab.cluster().newPod();
        Shim shim = adaptor.shim();
        Status created = refusal(
                () -> shim.createVm(id, "bad", "default", cni.namespace().toString()));
        assertThat(created.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(created.getDescription()).contains("default/bad").contains("id");
        assertThat(refusal(() -> shim.startVm(id)).getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refusal(() -> shim.stopVm(id)).getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertNothingLeft(cni);
    }

    @Test
    void aPodWithoutANetworkNamespaceIsRefused() {
        Status refused = refusal(() -> adaptor.shim().createVm(KataPod.newId(), "hostnet", "default", ""));
        assertThat(refused.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refused.getDescription()).contains("default/hostnet").contains("hostNetwork");
        assertNothingLeft();
    }

    @Test
    void aPodWhoseNetworkNamespaceIsMissingIsRefused() {
        Status refused = refusal(
                () -> adaptor.shim().createVm(KataPod.newId(), "gone", "default", "/var/run/netns/there-is-none"));
        assertThat(refused.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refused.getDescription()).contains("default/gone").contains("there-is-none");
        assertNothingLeft();
    }

    @Test
    void createVmAgainGivesTheSameAnswer() throws Exception {
        ClusterPod cni = lab.cluster().newPod();
        String id = KataPod.newId();
        Path first = create(id, cni);
        assertThat(create(id, cni)).isEqualTo(first);
        adaptor.shim().stopVm(id);
        awaitNothingLeft(cni);
    }

    @Test
    void stopVmDuringStartVmWins() throws Exception {
        Adaptor slow = lab.adaptor(options("slow").flag("-local-boot-delay=60s"));
        ClusterPod cni = lab.cluster().newPod();
        String id = KataPod.newId();
        slow.shim().createVm(id, cni.name(), "default", cni.namespace().toString());
        CompletableFuture<Boolean> starting = CompletableFuture.supplyAsync(() -> {
            slow.shim().startVm(id);
            return true;
        });
        Until.holds(
                "the VM is launched", () -> WholePod.findVm(lab.cluster(), id).isPresent());
        slow.shim().stopVm(id);
        ExecutionException failure = catchThrowableOfType(ExecutionException.class, starting::get);
        assertThat(failure.getCause()).isInstanceOf(StatusRuntimeException.class);
        assertThat(Status.fromThrowable(failure.getCause()).getCode()).isEqualTo(Status.Code.ABORTED);
        awaitNothingLeft(slow, cni);
        assertThat(slow.daemon().terminate()).isZero();
    }

    @Test
    void stopVmTwiceOrOfAnUnknownIdIsFine() throws Exception {
        ClusterPod cni = lab.cluster().newPod();
        WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {});
        pod.stop();
        adaptor.shim().stopVm(pod.id());
        adaptor.shim().stopVm(KataPod.newId());
        awaitNothingLeft(cni);
    }

    @Test
    void startVmOfAnUnknownIdSaysSo() {
        String id = KataPod.newId();
        Status refused = refusal(() -> adaptor.shim().startVm(id));
        assertThat(refused.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(refused.getDescription()).contains(id);
    }

    @Test
    void anUnwritablePodsDirectoryIsNamed() throws Exception {
        Path file = lab.fresh("file");
        Files.createFile(file);
        Adaptor broken = lab.start(options("broken").flag("-pods-dir=" + file.resolve("pods")));
        assertThat(broken.daemon().exitStatus()).isNotZero();
        assertThat(broken.daemon().log()).contains(file.toString());
    }

    /** Whatever else is on that port is no agent of ours: StartVM says so at once, and does not wait for it to become one. */
    @Test
    void anAgentPortThatIsTakenInTheVmIsNamed() throws Exception {
        Adaptor taken = lab.adaptor(options("taken").flag("-local-boot-delay=3s"));
        ClusterPod cni = lab.cluster().newPod();
        String id = KataPod.newId();
        taken.shim().createVm(id, cni.name(), "default", cni.namespace().toString());
        CompletableFuture<Boolean> starting = CompletableFuture.supplyAsync(() -> {
            taken.shim().startVm(id);
            return true;
        });
        Vm vm = Until.found(
                "the VM is launched",
                () -> WholePod.findVm(lab.cluster(), id).filter(known -> Netns.exists(known.namespace())));
        try (ServerSocket other =
                new Place("the VM", vm.namespace()).call(() -> new ServerSocket(Cluster.AGENT_PORT))) {
            Thread.ofPlatform().daemon().start(() -> hangUp(other));
            ExecutionException failure =
                    catchThrowableOfType(ExecutionException.class, () -> starting.get(2, TimeUnit.MINUTES));
            Status refused = Status.fromThrowable(failure.getCause());
            assertThat(refused.getDescription())
                    .contains(Integer.toString(Cluster.AGENT_PORT))
                    .contains(id);
        }
        taken.shim().stopVm(id);
        awaitNothingLeft(taken, cni);
        assertThat(taken.daemon().terminate()).isZero();
    }

    private static void hangUp(ServerSocket server) {
        while (!server.isClosed()) {
            try (Socket caller = server.accept()) {
                caller.getOutputStream().write("no agent here\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            } catch (IOException e) {
                // Closed, or the caller has gone.
            }
        }
    }

    /** A second adaptor beside the first one: another node in the VMs' tags, other VNIs, no ports of its own. */
    private static Adaptor.Options options(String node) {
        return Adaptor.Options.of(PodConnection.BY_WORKER)
                .environment("NODE_NAME", node)
                .flag("-vxlan-min-id=" + (600_000 + 1000 * Math.floorMod(node.hashCode(), 100)))
                .flag("-probe-port=off")
                .flag("-metrics-listen=off");
    }

    private static Path create(String id, ClusterPod cni) {
        return adaptor.shim()
                .createVm(id, cni.name(), "default", cni.namespace().toString());
    }

    private static Status refusal(ThrowingCallable call) {
        StatusRuntimeException refused = catchThrowableOfType(StatusRuntimeException.class, call);
        assertThat(refused).as("refused").isNotNull();
        return refused.getStatus();
    }

    private static void assertNothingLeft(ClusterPod... pods) {
        assertThat(left(adaptor, pods)).isEmpty();
    }

    private static void awaitNothingLeft(ClusterPod... pods) throws InterruptedException {
        awaitNothingLeft(adaptor, pods);
    }

    private static void awaitNothingLeft(Adaptor whose, ClusterPod... pods) throws InterruptedException {
        Until.holds("nothing is left", () -> left(whose, pods).isEmpty());
    }

    private static List<String> left(Adaptor whose, ClusterPod... pods) {
        List<Place> namespaces = java.util.Arrays.stream(pods)
                .map(pod -> new Place(pod.name(), pod.namespace()))
                .toList();
        return LeftoverReport.ofPods(lab.cluster(), lab.cluster().worker(), namespaces, whose);
    }
}
