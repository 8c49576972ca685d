package io.peerpods.network.vm;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.peerpods.linux.Netns;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.MiniLab;
import io.peerpods.network.Specs;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Tunnel packets that do not come from the address that the worker said: dropped by the VM, and named. */
@NeedsRoot
@NeedsProgram({"ip", "nft", "ping"})
class ForeignSourcesTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final MiniLab lab = new MiniLab();
    private final Executor executor = new Executor();
    private final PodNetworkSpec spec = Specs.pod();
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @SuppressWarnings("NullAway.Init")
    private PodVmNetwork vm;

    @BeforeEach
    void up() throws Exception {
        lines.start();
        logger().addAppender(lines);
        vm = PodVmNetwork.open(
                Files.createDirectory(directory.resolve("vm")), executor, spec, lab.vmPlace(), Duration.ofMillis(50));
        vm.setUp(NicFacts.Source.NONE, MiniLab.patience());
    }

    @AfterEach
    void down() {
        logger().detachAppender(lines);
        vm.tearDown();
        lab.close();
    }

    private static Logger logger() {
        return (Logger) LoggerFactory.getLogger(ForeignSources.class);
    }

    private List<String> said() {
        return List.copyOf(lines.list).stream()
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    private List<ForeignSources.Source> read() {
        return ForeignSources.read(NetnsRef.of(lab.vm.path()), spec);
    }

    /** As an existing adaptor does whose worker has two addresses: worker-node-ip is one, the tunnel leaves from the other. */
    @Test
    void aWorkerWhoseTunnelLeavesFromAnotherAddressIsNamedOnceWithTheWayOut() throws Exception {
        lab.worker.exec("ip", "addr", "add", "10.10.0.9/16", "dev", "eth0");
        lab.worker.exec(
                "ip",
                "link",
                "add",
                "vxlan1",
                "type",
                "vxlan",
                "id",
                "555000",
                "dstport",
                "4789",
                "local",
                "10.10.0.9",
                "remote",
                "10.10.1.2");
        MiniLab.sh(lab.worker, "ip addr add 10.244.1.77/24 dev vxlan1; ip link set vxlan1 up; ip link set cni0 down");
        for (int i = 0; i < 3; i++) {
            assertThat(lab.worker.tryExec(MiniLab.ping("10.244.1.2")).exit()).isNotZero();
        }
        assertThat(MiniLab.eventually(() -> !said().isEmpty(), PATIENCE)).isTrue();
        assertThat(said())
                .singleElement()
                .asString()
                .contains("packets for the tunnel from 10.10.0.9 are dropped: the worker is 10.10.0.1")
                .contains("-host-interface");
        assertThat(read()).singleElement().satisfies(source -> {
            assertThat(source.address()).isEqualTo(Specs.ip("10.10.0.9"));
            assertThat(source.packets()).isGreaterThanOrEqualTo(3);
            assertThat(source.describe()).contains("10.10.0.9");
        });
        assertThat(MiniLab.dropped(lab.vm, PodVmPlan.NFT_TABLE, "ip saddr != 10.10.0.1 counter"))
                .isGreaterThanOrEqualTo(3);
        assertThat(vm.verify()).as("a set with elements is as planned").isEmpty();
        assertThat(vm.guardRepairs()).isZero();
    }

    @Test
    void packetsOfTheWorkerAndOfOtherTunnelsAreNotForeign() throws Exception {
        send(lab.worker.path(), "10.10.0.1", spec.vxlanId());
        send(lab.stranger.path(), "10.10.0.66", spec.vxlanId() + 1);
        send(lab.stranger.path(), "10.10.0.66", spec.vxlanId());
        assertThat(MiniLab.eventually(() -> !read().isEmpty(), PATIENCE)).isTrue();
        assertThat(read()).containsExactly(new ForeignSources.Source(Specs.ip("10.10.0.66"), 1, Specs.ip("10.10.0.1")));
    }

    @Test
    void manyForgedSourcesFillABoundedListAndALogOfBoundedLength() throws Exception {
        int many = 3 * ForeignSources.SIZE;
        for (int i = 0; i < many; i++) {
            lab.stranger.exec("ip", "addr", "add", "10.10.7." + (i + 1) + "/32", "dev", "eth0");
        }
        for (int i = 0; i < many; i++) {
            send(lab.stranger.path(), "10.10.7." + (i + 1), spec.vxlanId());
        }
        assertThat(MiniLab.eventually(
                        () -> MiniLab.dropped(lab.vm, PodVmPlan.NFT_TABLE, "ip saddr != 10.10.0.1 counter") == many,
                        PATIENCE))
                .as("all are dropped, also those that are not listed")
                .isTrue();
        assertThat(read()).hasSize(ForeignSources.SIZE);
        assertThat(MiniLab.eventually(() -> said().size() == ForeignSources.SIZE + 1, PATIENCE))
                .isTrue();
        assertThat(said().getLast()).contains("no more of them are named");
        Set<String> listed =
                read().stream().map(source -> source.address().getHostAddress()).collect(Collectors.toSet());
        assertThat(listed).allMatch(address -> address.startsWith("10.10.7."));
    }

    /** A datagram with a VXLAN header and an empty frame. */
    private static void send(Path namespace, String source, int vni) throws Exception {
        try (Netns netns = Netns.open(namespace);
                DatagramChannel channel = netns.call(DatagramChannel::open)) {
            channel.bind(new InetSocketAddress(Specs.ip(source), 0));
            ByteBuffer packet = ByteBuffer.allocate(8 + 60).putInt(0x08000000).putInt(vni << 8);
            channel.send(packet.rewind(), new InetSocketAddress(Specs.ip("10.10.1.2"), 4789));
        }
    }
}
