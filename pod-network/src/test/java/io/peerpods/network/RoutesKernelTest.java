package io.peerpods.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.vm.NicFacts;
import io.peerpods.network.vm.PodVmNetwork;
import io.peerpods.network.worker.PodSubnetCidrs;
import io.peerpods.network.worker.WorkerInspection;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import java.net.InetAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pod's routes in the VM are those that its CNI made on the worker, and the worker's address is the kernel's choice. */
@NeedsRoot
@NeedsProgram({"ip", "nft", "ping"})
class RoutesKernelTest {
    private final MiniLab lab = new MiniLab();

    @TempDir
    private Path directory;

    @AfterEach
    void remove() {
        lab.close();
    }

    @Test
    void thePodsRoutesKeepSourceMetricsAndRefusals() throws Exception {
        MiniLab.sh(lab.wpod, """
                ip route replace default via 10.244.1.1 src 10.244.1.2 mtu lock 1370 advmss 1300
                ip route add 198.51.100.0/24 via 10.244.1.1 mtu 9000 advmss 8960
                ip route add blackhole 192.0.2.1
                ip route add unreachable 192.0.2.2 metric 7
                """);
        PodNetworkSpec spec = inspect(false, null).spec();
        assertThat(PodNetworkSpec.fromJson(spec.toJson())).isEqualTo(spec);
        inTunnel(spec, () -> {
            assertThat(lab.inPod("ip", "route").output())
                    .containsSubsequence(
                            "default via 10.244.1.1 dev eth0", "src 10.244.1.2", "mtu lock 1370", "advmss 1300")
                    .containsPattern("10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.2")
                    // More than the tunnel's is never claimed: the kernel believes a route sooner than its link.
                    .containsPattern("198.51.100.0/24 via 10.244.1.1 dev eth0.* mtu 1450 advmss 1410")
                    .contains("blackhole 192.0.2.1")
                    .containsPattern("unreachable 192.0.2.2.*metric 7");
            assertThat(lab.podReaches(MiniLab.INTERNET, "-M", "do", "-s", "1342"))
                    .isTrue();
            lab.internetByWorker();
            assertThat(lab.inPod(MiniLab.ping(MiniLab.INTERNET, "-M", "do", "-s", "1343"))
                            .exit())
                    .isNotZero();
            assertThat(lab.internetByWorker()).isZero();
            assertThat(lab.inPod(MiniLab.ping("192.0.2.2")).exit()).isNotZero();
        });
    }

    @Test
    void routesThatAVmCannotHaveAreRefusedWithTheReason() throws Exception {
        MiniLab.sh(lab.wpod, "ip route add 198.51.100.0/24 nexthop via 10.244.1.1 nexthop via 10.244.1.3");
        assertThatThrownBy(() -> inspect(false, null))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContainingAll("default/nginx", "198.51.100.0/24", "2 next hops");
        MiniLab.sh(lab.wpod, """
                ip route del 198.51.100.0/24
                ip route add default via 10.244.1.3 table 77; ip rule add from 10.244.1.2 lookup 77 priority 500
                """);
        assertThatThrownBy(() -> inspect(false, null))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContainingAll("default/nginx", "routing table 77");
        MiniLab.sh(lab.wpod, "ip route flush table 77");
        assertThat(inspect(false, null).warnings())
                .singleElement()
                .asString()
                .contains("default/nginx", "priority 500");
    }

    @Test
    void aVirtualAddressOnTheWorkersNicIsNotTheTunnelsEnd() throws Exception {
        MiniLab.sh(lab.worker, """
                ip addr del 10.10.0.1/16 dev eth0
                ip addr add 10.10.9.9/32 dev eth0; ip addr add 10.10.0.1/16 dev eth0
                ip route replace default via 10.10.254.1
                """);
        assertThat(lab.worker
                        .exec("ip", "-4", "-o", "addr", "show", "dev", "eth0")
                        .lines()
                        .findFirst()
                        .orElseThrow())
                .contains("10.10.9.9");
        assertThat(inspect(false, null).spec().worker()).isEqualTo(IpPrefix.of("10.10.0.1/16"));
        PodNetworkSpec spec = inspect(false, null).spec();
        inTunnel(spec, () -> {
            assertThat(lab.podReaches("10.244.1.3")).isTrue();
            MiniLab.sh(lab.worker, "ip addr del 10.10.9.9/32 dev eth0");
            assertThat(lab.podReaches("10.244.1.3")).isTrue();
        });
    }

    @Test
    void theProvidersAddressOfTheWorkerIsTheTunnelsEndWithAnyDefaultRoute() throws Exception {
        MiniLab.sh(lab.worker, """
                ip link add uplink type bridge; ip link set uplink up; ip addr add 172.31.0.5/24 dev uplink
                ip route replace default via 172.31.0.1 dev uplink
                """);
        PodNetworkSpec spec = inspect(false, Specs.ip("10.10.0.1")).spec();
        assertThat(spec.worker()).isEqualTo(IpPrefix.of("10.10.0.1/16"));
        assertThat(spec.dedicated()).isFalse();
        inTunnel(spec, () -> assertThat(lab.podReaches("10.244.1.3")).isTrue());
        MiniLab.sh(lab.worker, "ip route del default");
        assertThat(inspect(false, Specs.ip("10.10.0.1")).spec().worker()).isEqualTo(IpPrefix.of("10.10.0.1/16"));
        assertThatThrownBy(() -> inspect(false, Specs.ip("10.10.0.7")))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContainingAll("10.10.0.7", "-host-interface");
    }

    @Test
    void servicesOfTheNodeAreReachedByTheTunnelWithAnExternalNetworkAndNothingListed() throws Exception {
        String credentials = "169.254.170.23";
        MiniLab.sh(lab.worker, """
                ip addr add 169.254.170.23/32 dev lo
                nft -f - <<'NFT'
                table ip seen { counter credentials { }
                  chain in { type filter hook input priority 0; iifname "cni0" ip daddr 169.254.170.23 counter name credentials; }
                }
                NFT
                """);
        lab.plugSecondNic(true);
        inTunnel(inspect(true, null).spec(), () -> {
            assertThat(lab.podReaches(credentials)).isTrue();
            assertThat(lab.worker.exec("nft", "list", "counters"))
                    .containsPattern("counter credentials \\{\\s+packets [1-9]");
            assertThat(lab.inPod(MiniLab.ping(MiniLab.METADATA)).exit()).isNotZero();
        });
    }

    private WorkerInspection.Result inspect(boolean external, @Nullable InetAddress workerAddress)
            throws PodNetworkException {
        WorkerInspection.Result found = WorkerInspection.inspect(
                new WorkerInspection.Request(
                        lab.wpod.path().toString(),
                        "default/nginx",
                        "",
                        workerAddress,
                        PodSubnetCidrs.NONE,
                        external,
                        PodNetworkSpec.Options.NONE),
                NetnsRef.of(lab.worker.path()));
        return new WorkerInspection.Result(found.spec().withTunnel(4789, 555000, 0), found.warnings());
    }

    private interface Checks {
        void run() throws Exception;
    }

    private void inTunnel(PodNetworkSpec spec, Checks checks) throws Exception {
        Executor executor = new Executor();
        Journal journal = Journal.open(directory.resolve("worker.journal"));
        try (PodVmNetwork vm = PodVmNetwork.open(directory, executor, spec, lab.vmPlace())) {
            executor.apply(lab.workerPlan(spec), journal);
            vm.setUp(NicFacts.Source.NONE, MiniLab.patience());
            checks.run();
            assertThat(vm.verify()).isEmpty();
            vm.tearDown();
            executor.undo(journal);
        }
    }
}
