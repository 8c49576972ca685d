package io.peerpods.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.linux.Netns;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.Underlay;
import io.peerpods.network.vm.ExternalNic;
import io.peerpods.network.vm.NameServerRoutes;
import io.peerpods.network.vm.NicFacts;
import io.peerpods.network.vm.PodVmNetwork;
import io.peerpods.network.vm.PodVmNics;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.network.worker.PodSubnetCidrs;
import io.peerpods.network.worker.WorkerInspection;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both halves of a tunnel on real namespaces: packets both ways, each way proved by a counter, and nothing left afterwards. */
@NeedsRoot
@NeedsProgram({"ip", "nft", "ping"})
class TunnelKernelTest {
    private static final int VNI = 555000;

    private static MiniLab lab;

    @TempDir
    private Path directory;

    private List<KernelInventory> before = List.of();
    private final Executor executor = new Executor();

    @BeforeAll
    static void build() {
        lab = new MiniLab();
    }

    @AfterAll
    static void remove() {
        lab.close();
    }

    @BeforeEach
    void count() {
        before = lab.take();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(lab.changesSince(before)).isEmpty();
    }

    @Test
    void cluster_and_pod_reach_each_other_by_the_worker_and_the_guards_hold() throws Exception {
        PodNetworkSpec spec = inspect(false, PodNetworkSpec.Options.NONE);
        try (Tunnel tunnel = new Tunnel(spec)) {
            tunnel.up(NicFacts.Source.NONE);
            assertThat(lab.podReaches("10.244.1.1")).isTrue();
            assertThat(lab.podReaches("10.244.1.3")).isTrue();
            assertThat(MiniLab.reaches(lab.cpod, "10.244.1.2")).isTrue();
            assertThat(MiniLab.reaches(lab.worker, "10.244.1.2")).isTrue();
            lab.internetByWorker();
            assertThat(lab.podReaches(MiniLab.INTERNET)).isTrue();
            assertThat(lab.internetByWorker()).isPositive();
            // MTU: 28 bytes of IPv4 and ICMP
            assertThat(lab.podReaches("10.244.1.3", "-M", "do", "-s", "1422")).isTrue();
            assertThat(lab.inPod(MiniLab.ping("10.244.1.3", "-M", "do", "-s", "1423"))
                            .output())
                    .containsIgnoringCase("message too long");
            assertThat(MiniLab.reaches(lab.cpod, "10.244.1.2", "-M", "do", "-s", "1472"))
                    .isTrue();
            tunnel.assertAsPlanned();

            assertThat(lab.inPod(MiniLab.ping(MiniLab.METADATA)).exit()).isNotZero();
            forgedFramesAreDropped();
            managementPortIsClosedToThePodOnly(tunnel.vm);
        }
    }

    private static void managementPortIsClosedToThePodOnly(PodVmNetwork network) throws Exception {
        InetSocketAddress agent = new InetSocketAddress(Specs.ip("10.10.1.2"), 15150);
        String guard = "ip daddr 10.10.1.2 tcp dport 15150";
        try (ServerSocketChannel listener = in(lab.vm.path(), ServerSocketChannel::open)) {
            listener.bind(agent);
            try (SocketChannel adaptor = in(lab.worker.path(), SocketChannel::open)) {
                adaptor.socket().connect(agent, 20_000);
            }
            assertThat(MiniLab.dropped(lab.worker, "peerpods-test", guard)).isZero();
            try (SocketChannel pod = connecting(agent)) {
                assertThat(MiniLab.eventually(() -> lab.droppedInPod(guard) > 0, Duration.ofSeconds(20)))
                        .isTrue();
                assertThat(pod.finishConnect()).isFalse();
            }
            // A pod that takes its own guard away, before it is put back, meets the worker's, which it cannot reach.
            network.close();
            assertThat(lab.inPod("nft", "flush", "ruleset").exit()).isZero();
            try (SocketChannel pod = connecting(agent)) {
                assertThat(MiniLab.eventually(
                                () -> MiniLab.dropped(lab.worker, "peerpods-test", guard) > 0, Duration.ofSeconds(20)))
                        .isTrue();
                assertThat(pod.finishConnect()).isFalse();
            }
        }
    }

    private static SocketChannel connecting(InetSocketAddress address) throws Exception {
        SocketChannel pod = in(Path.of("/run/netns", lab.podns), SocketChannel::open);
        pod.configureBlocking(false);
        pod.connect(address);
        return pod;
    }

    /** A third host that knows everything but cannot have the peer's address. */
    private static void forgedFramesAreDropped() throws Exception {
        String check = "ip saddr != 10.10.0.1";
        ByteBuffer frame =
                ByteBuffer.allocate(64).putInt(0x08000000).putInt(VNI << 8).clear();
        assertThat(MiniLab.dropped(lab.vm, PodVmPlan.NFT_TABLE, check)).isZero();
        try (DatagramChannel stranger = in(lab.stranger.path(), DatagramChannel::open)) {
            stranger.send(frame, new InetSocketAddress(Specs.ip("10.10.1.2"), 4789));
        }
        assertThat(MiniLab.eventually(
                        () -> MiniLab.dropped(lab.vm, PodVmPlan.NFT_TABLE, check) == 1, Duration.ofSeconds(20)))
                .isTrue();
    }

    @Test
    void with_an_external_network_the_pod_goes_out_by_its_nic_and_answers_by_the_tunnel() throws Exception {
        lab.plugSecondNic(true);
        try {
            List<KernelInventory> withNic = lab.take();
            PodNetworkSpec.Options options = new PodNetworkSpec.Options(Specs.ip("10.96.0.1"), 0, false, false);
            PodNetworkSpec spec = inspect(true, options);
            try (Tunnel tunnel = new Tunnel(spec)) {
                tunnel.up(NicFacts.Source.NONE);
                lab.internetByWorker();
                assertThat(lab.podReaches(MiniLab.INTERNET)).isTrue();
                assertThat(lab.internetByWorker()).isZero();
                assertThat(lab.podReaches("10.244.1.3")).isTrue();
                assertThat(MiniLab.reaches(lab.cpod, "10.244.1.2")).isTrue();
                // The fabric drops what the second NIC sends with the pod's address, so this answer came by the tunnel.
                assertThat(MiniLab.reaches(lab.worker, "10.244.1.2", "-I", "10.10.0.1"))
                        .isTrue();
                assertThat(route("10.96.0.1")).contains("dev eth0");
                assertThat(route("10.96.0.10")).contains("dev ens6");
                tunnel.vm.addNameServers(NameServerRoutes.servers(List.of("nameserver 10.96.0.10")));
                tunnel.vm.addNameServers(NameServerRoutes.servers(List.of("nameserver 10.96.0.10")));
                assertThat(route("10.96.0.10")).contains("dev eth0");
                assertThat(lab.inPod(MiniLab.ping(MiniLab.METADATA)).exit()).isNotZero();
                assertThat(lab.inPod(MiniLab.ping(MiniLab.METADATA, "-I", "10.244.1.2"))
                                .exit())
                        .isNotZero();
                tunnel.assertAsPlanned();
            }
            assertThat(lab.changesSince(withNic)).isEmpty();
        } finally {
            lab.unplugSecondNic();
        }
    }

    @Test
    void the_metadata_service_opens_when_the_operator_allows_it() throws Exception {
        lab.plugSecondNic(true);
        try {
            PodNetworkSpec spec = inspect(true, new PodNetworkSpec.Options(null, 0, false, true));
            try (Tunnel tunnel = new Tunnel(spec)) {
                tunnel.up(MiniLab.facts());
                assertThat(lab.podReaches(MiniLab.METADATA)).isTrue();
            }
        } finally {
            lab.unplugSecondNic();
        }
    }

    @Test
    void a_second_nic_that_comes_late_and_bare_is_waited_for() throws Exception {
        PodNetworkSpec spec = inspect(true, PodNetworkSpec.Options.NONE);
        try {
            try (Tunnel tunnel = new Tunnel(spec)) {
                CompletableFuture<Void> up = CompletableFuture.runAsync(() -> tunnel.upUnchecked(MiniLab.facts()));
                lab.plugSecondNic(false);
                up.get(120, TimeUnit.SECONDS);
                assertThat(lab.podReaches(MiniLab.INTERNET)).isTrue();
                assertThat(lab.internetByWorker()).isZero();
            }
        } finally {
            lab.unplugSecondNic();
        }
    }

    @Test
    void a_second_nic_that_never_comes_fails_the_start_and_says_so() throws Exception {
        PodNetworkSpec spec = inspect(true, PodNetworkSpec.Options.NONE);
        try (PodVmNetwork network = PodVmNetwork.open(directory, executor, spec, lab.vmPlace())) {
            PodVmNics.Wait wait = new PodVmNics.Wait("", Duration.ofSeconds(60), Duration.ofMillis(300));
            assertThatThrownBy(() -> network.setUp(MiniLab.facts(), wait))
                    .isInstanceOf(PodNetworkException.class)
                    .hasMessageContainingAll("second NIC", "ens5", "10.10.1.2/16", MiniLab.SECOND_MAC);
        }
    }

    @Test
    void the_nic_that_the_image_sets_aside_carries_a_dedicated_tunnel() throws Exception {
        lab.plugSecondNic(true);
        try {
            PodNetworkSpec spec = inspect(false, PodNetworkSpec.Options.NONE);
            PodNetworkSpec dedicated = new PodNetworkSpec(
                    spec.pod(),
                    spec.worker(),
                    "vxlan",
                    spec.routes(),
                    List.of(),
                    0,
                    4789,
                    VNI,
                    true,
                    false,
                    spec.options());
            PodVmNics.Wait named = new PodVmNics.Wait("ens6", Duration.ofSeconds(60), Duration.ZERO);
            assertThat(PodVmNics.await(dedicated, lab.vmPlace(), NicFacts.Source.NONE, named))
                    .isEqualTo(new PodVmNics.Nics(new Underlay("ens6", Specs.ip("10.20.0.10"), 1500), null));
            assertThatThrownBy(
                            () -> PodVmNics.await(dedicated, lab.vmPlace(), NicFacts.Source.NONE, MiniLab.patience()))
                    .hasMessageContaining("-host-interface");
        } finally {
            lab.unplugSecondNic();
        }
    }

    @Test
    void a_second_nic_that_comes_up_first_is_not_taken_for_the_primary() throws Exception {
        MiniLab.sh(lab.vm, "ip route del default; ip link set ens5 down");
        lab.plugSecondNic(true);
        try {
            PodNetworkSpec spec = inspect(true, PodNetworkSpec.Options.NONE);
            CompletableFuture<PodVmNics.Nics> nics = CompletableFuture.supplyAsync(() -> {
                try {
                    return PodVmNics.await(spec, lab.vmPlace(), NicFacts.Source.NONE, MiniLab.patience());
                } catch (PodNetworkException | InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
            MiniLab.sh(lab.vm, "ip link set ens5 up; ip route add default via 10.10.254.1 metric 100");
            PodVmNics.Nics found = nics.get(120, TimeUnit.SECONDS);
            assertThat(found.underlay()).isEqualTo(new Underlay("ens5", Specs.ip("10.10.1.2"), 1500));
            assertThat(found.external())
                    .isNotNull()
                    .extracting(ExternalNic::name)
                    .isEqualTo("ens6");
        } finally {
            lab.unplugSecondNic();
        }
    }

    @Test
    void no_way_to_the_worker_fails_the_start_and_says_so() throws Exception {
        PodNetworkSpec spec = inspect(false, PodNetworkSpec.Options.NONE);
        PodVmPlan.Place nowhere = new PodVmPlan.Place(NetnsRef.of(lab.cpod.path()), lab.podRef(), 15150, true);
        MiniLab.sh(lab.cpod, "ip route del default");
        try (PodVmNetwork network = PodVmNetwork.open(directory, executor, spec, nowhere)) {
            PodVmNics.Wait wait = new PodVmNics.Wait("", Duration.ofMillis(300), Duration.ZERO);
            assertThatThrownBy(() -> network.setUp(NicFacts.Source.NONE, wait))
                    .isInstanceOf(PodNetworkException.class)
                    .hasMessageContainingAll("10.10.0.1", "eth0", "10.244.1.3/24");
        } finally {
            MiniLab.sh(lab.cpod, "ip route add default via 10.244.1.1");
        }
    }

    @Test
    void only_a_pod_behind_a_bridge_gets_the_rule_for_its_own_service() throws Exception {
        assertThat(inspect(false, PodNetworkSpec.Options.NONE).bridged()).isTrue();
        lab.worker.exec("ip", "link", "set", "v-wpod", "nomaster");
        try {
            PodNetworkSpec routed = inspect(false, PodNetworkSpec.Options.NONE);
            assertThat(routed.bridged()).isFalse();
            try (Tunnel tunnel = new Tunnel(routed)) {
                tunnel.up(NicFacts.Source.NONE);
                tunnel.assertAsPlanned();
                assertThat(lab.wpod.exec("nft", "list", "ruleset")).isEmpty();
            }
        } finally {
            lab.worker.exec("ip", "link", "set", "v-wpod", "master", "cni0");
        }
        // A pair whose other end the worker does not see may be behind a bridge.
        MiniLab.sh(lab.worker, "ip link set v-wpod netns " + lab.stranger.name());
        try {
            assertThat(inspect(false, PodNetworkSpec.Options.NONE).bridged()).isTrue();
        } finally {
            MiniLab.sh(lab.stranger, "ip link set v-wpod netns " + lab.worker.name());
            MiniLab.sh(lab.worker, "ip link set v-wpod master cni0; ip link set v-wpod up");
        }
    }

    @Test
    void guards_that_a_pod_with_net_admin_removes_come_back() throws Exception {
        lab.plugSecondNic(true);
        try {
            PodNetworkSpec spec = inspect(true, PodNetworkSpec.Options.NONE);
            try (Tunnel tunnel = new Tunnel(spec)) {
                tunnel.up(NicFacts.Source.NONE);
                for (String removal : List.of(
                        "nft flush ruleset",
                        "ip route del prohibit 169.254.169.254",
                        "ip route replace 169.254.169.254 via 10.20.0.1 dev ens6",
                        "ip -6 route del prohibit fd00:ec2::254",
                        "nft flush ruleset; ip route flush table 15150; ip route del prohibit 169.254.169.254")) {
                    long repairs = tunnel.vm.guardRepairs();
                    assertThat(lab.inPod("sh", "-ec", removal).output())
                            .as(removal)
                            .isEmpty();
                    assertThat(MiniLab.eventually(() -> tunnel.vm.guardRepairs() > repairs, Duration.ofSeconds(60)))
                            .as(removal)
                            .isTrue();
                    Plan guards =
                            PodVmPlan.guards(spec, new Underlay("ens5", Specs.ip("10.10.1.2"), 1500), lab.vmPlace());
                    assertThat(executor.verify(guards)).as(removal).isEmpty();
                    assertThat(lab.inPod(MiniLab.ping(MiniLab.METADATA)).exit())
                            .as(removal)
                            .isNotZero();
                }
            }
        } finally {
            lab.unplugSecondNic();
        }
    }

    @Test
    void a_restarted_agent_finds_everything_and_changes_nothing() throws Exception {
        lab.plugSecondNic(true);
        try {
            PodNetworkSpec spec = inspect(true, PodNetworkSpec.Options.NONE);
            try (Tunnel tunnel = new Tunnel(spec)) {
                tunnel.up(NicFacts.Source.NONE);
                tunnel.vm.close();
                List<String> links = links();
                try (PodVmNetwork restarted = PodVmNetwork.open(tunnel.state, new Executor(), spec, lab.vmPlace())) {
                    restarted.setUp(NicFacts.Source.NONE, MiniLab.patience());
                    assertThat(restarted.verify()).isEmpty();
                    assertThat(links()).isEqualTo(links);
                    assertThat(MiniLab.reaches(lab.cpod, "10.244.1.2")).isTrue();
                }
            }
        } finally {
            lab.unplugSecondNic();
        }
    }

    @Test
    void what_is_no_pod_of_its_own_is_refused_by_name() {
        assertThatThrownBy(() -> inspect(""))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContainingAll("default/nginx", "hostNetwork");
        assertThatThrownBy(() -> inspect(lab.worker.path().toString()))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContainingAll("default/nginx", "hostNetwork");
        assertThatThrownBy(() -> inspect("/var/run/netns/ppt-is-not-there"))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContainingAll("default/nginx", "/var/run/netns/ppt-is-not-there", "mount");
        assertThatThrownBy(() -> inspect("relative/path"))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContaining("default/nginx");
    }

    private static PodNetworkSpec inspect(boolean external, PodNetworkSpec.Options options) throws PodNetworkException {
        WorkerInspection.Result result = WorkerInspection.inspect(
                new WorkerInspection.Request(
                        // Some CNIs say /var/run, which is /run on most machines but not in every container.
                        "/var/run/netns/" + lab.wpod.name(),
                        "default/nginx",
                        "",
                        PodSubnetCidrs.parse("10.244.0.0/16"),
                        external,
                        options),
                NetnsRef.of(lab.worker.path()));
        assertThat(result.warnings()).isEmpty();
        return result.spec().withTunnel(4789, VNI, 0);
    }

    private static void inspect(String netns) throws PodNetworkException {
        WorkerInspection.inspect(
                new WorkerInspection.Request(
                        netns, "default/nginx", "", PodSubnetCidrs.NONE, false, PodNetworkSpec.Options.NONE),
                NetnsRef.of(lab.worker.path()));
    }

    /** Number and name of each: one made anew would have another number. */
    private static List<String> links() {
        return lab.inPod("ip", "-o", "link")
                .output()
                .lines()
                .filter(line -> line.matches("\\d+: .*"))
                .map(line -> line.split("[:@]", 3)[0] + line.split("[:@]", 3)[1])
                .toList();
    }

    private static String route(String to) {
        return lab.inPod("ip", "route", "get", to).output();
    }

    private interface Opening<T> {
        T open() throws Exception;
    }

    private static <T> T in(Path namespace, Opening<T> opening) throws Exception {
        try (Netns netns = Netns.open(namespace)) {
            return netns.call(opening::open);
        }
    }

    /** Both halves, with the journals that they have in production. */
    private final class Tunnel implements AutoCloseable {
        private final Path state;
        private final Plan workerPlan;
        private final Journal workerJournal;
        private final PodVmNetwork vm;

        Tunnel(PodNetworkSpec spec) throws Exception {
            state = Files.createDirectory(directory.resolve("vm"));
            workerPlan = lab.workerPlan(spec);
            workerJournal = Journal.open(directory.resolve("worker.journal"));
            vm = PodVmNetwork.open(state, executor, spec, lab.vmPlace(), Duration.ofMillis(50));
        }

        void up(NicFacts.Source facts) throws Exception {
            executor.apply(workerPlan, workerJournal);
            vm.setUp(facts, MiniLab.patience());
        }

        void upUnchecked(NicFacts.Source facts) {
            try {
                up(facts);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        void assertAsPlanned() {
            assertThat(executor.verify(workerPlan)).isEmpty();
            assertThat(vm.verify()).isEmpty();
        }

        @Override
        public void close() {
            vm.tearDown();
            executor.undo(workerJournal);
        }
    }
}
