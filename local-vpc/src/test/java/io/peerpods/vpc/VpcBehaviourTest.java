package io.peerpods.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.Netns;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcBehaviour.Switch;
import io.peerpods.vpc.model.WorkerNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Each behaviour of EC2's network that the VPC has: it is there, and it is not when it is switched off. */
@NeedsRoot
@NeedsProgram({"ip", "nft", "ping", "bridge"})
class VpcBehaviourTest {

    private static final InetAddress FOREIGN = IpAddresses.parse("10.10.77.77");

    /** Runs the check in a VPC that behaves as EC2's and in one that does not: {@code check} is told which. */
    private static void onAndOff(Switch behaviour, Check check) throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            check.run(test, true);
        }
        try (TestVpc test = TestVpc.without(behaviour)) {
            check.run(test, false);
        }
    }

    @FunctionalInterface
    private interface Check {
        void run(TestVpc test, boolean on) throws Exception;
    }

    @Test
    void packetsWithAnotherSourceThanTheNicsOwnAreDropped() throws Exception {
        onAndOff(Switch.SOURCE_CHECK, (test, on) -> {
            Vm sender = test.vm("sender");
            Vm receiver = test.vm("receiver");
            test.require(sender.namespace(), "ip", "addr", "add", "10.10.77.77/32", "dev", "ens5");
            assertThat(test.ping(sender.namespace(), receiver.primary().ip())).isTrue();
            assertThat(test.ping(sender.namespace(), receiver.primary().ip(), "-I", IpAddresses.text(FOREIGN)))
                    .isEqualTo(!on);
        });
    }

    @Test
    void aPacketOfTheOtherNicsAddressIsDroppedToo() throws Exception {
        onAndOff(Switch.SOURCE_CHECK, (test, on) -> {
            Vm vm = test.vm("one");
            InetAddress second = vm.nics().get(1).ip();
            // Out of ens5, as the first default route says, with the address of ens6.
            assertThat(arrives(test, vm, second)).isEqualTo(!on);
            assertThat(arrives(test, vm, vm.primary().ip())).isTrue();
        });
    }

    /** Whether a datagram from that address reaches the internet; counted there, for the answer may go another way. */
    private static boolean arrives(TestVpc test, Vm vm, InetAddress from) throws IOException {
        String rules =
                "add table ip seen; delete table ip seen; table ip seen { chain c { type filter hook prerouting priority 0;"
                        + " ip daddr 203.0.113.10 udp dport 9 counter; }; }";
        test.require(test.vpc.internetNamespace(), "nft", rules);
        try (Netns netns = Netns.open(vm.namespace())) {
            netns.<Integer, IOException>run(() -> {
                try (DatagramChannel channel = DatagramChannel.open()) {
                    channel.bind(new InetSocketAddress(from, 0));
                    return channel.send(
                            ByteBuffer.wrap(new byte[] {1}), new InetSocketAddress(test.vpc.internetHost(), 9));
                }
            });
        }
        // The neighbour of the first packet may have to be found; a ping behind it on the same way is in order.
        test.ping(vm.namespace(), test.vpc.internetHost());
        return !test.require(test.vpc.internetNamespace(), "nft", "list", "table", "ip", "seen")
                .contains("packets 0 ");
    }

    @Test
    void multicastGoesNowhere() throws Exception {
        onAndOff(Switch.MULTICAST_DROPPED, (test, on) -> {
            Vm sender = test.vm("sender");
            Vm receiver = test.vm("receiver");
            test.require(
                    receiver.namespace(),
                    "nft",
                    "table ip seen { chain c { type filter hook prerouting priority -300; ip daddr 224.0.0.88 counter; }; }");
            // 224.0.0.0/24 is never snooped: a bridge floods it.
            test.run(sender.namespace(), "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-I", "ens5", "224.0.0.88");
            boolean seen = !test.require(receiver.namespace(), "nft", "list", "table", "ip", "seen")
                    .contains("packets 0 ");
            assertThat(seen).isEqualTo(!on);
        });
    }

    @Test
    void aFrameForAnUnknownMacGoesNowhere() throws Exception {
        onAndOff(Switch.FLOODING_DROPPED, (test, on) -> {
            Vm sender = test.vm("sender");
            Vm receiver = test.vm("receiver");
            test.require(
                    sender.namespace(),
                    "ip",
                    "neigh",
                    "add",
                    "10.10.77.78",
                    "lladdr",
                    "06:00:00:00:00:99",
                    "dev",
                    "ens5");
            test.require(
                    receiver.namespace(),
                    "nft",
                    "table netdev seen { chain c { type filter hook ingress device \"ens5\" priority 0;"
                            + " ether daddr 06:00:00:00:00:99 counter; }; }");
            test.run(sender.namespace(), "ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "10.10.77.78");
            boolean seen = !test.require(receiver.namespace(), "nft", "list", "table", "netdev", "seen")
                    .contains("packets 0 ");
            assertThat(seen).isEqualTo(!on);
        });
    }

    @Test
    void theMetadataServiceAnswers() throws Exception {
        onAndOff(Switch.METADATA, (test, on) -> {
            Vm vm = test.vm("one");
            assertThat(answers(test, vm, vm.primary().ip())).isEqualTo(on);
        });
    }

    @Test
    void theMetadataServiceAnswersOnEveryNic() throws Exception {
        onAndOff(Switch.METADATA_ON_EVERY_NIC, (test, on) -> {
            Vm vm = test.vm("one");
            test.require(
                    vm.namespace(),
                    "ip",
                    "rule",
                    "add",
                    "from",
                    IpAddresses.text(vm.nics().get(1).ip()),
                    "table",
                    "7");
            test.require(
                    vm.namespace(), "ip", "route", "add", "default", "via", "10.20.0.1", "dev", "ens6", "table", "7");
            assertThat(answers(test, vm, vm.primary().ip())).isTrue();
            assertThat(answers(test, vm, vm.nics().get(1).ip())).isEqualTo(on);
        });
    }

    private static boolean answers(TestVpc test, Vm vm, InetAddress from) {
        try {
            return test.metadata(vm, from, "GET", "/latest/meta-data/mac", Map.of())
                            .status()
                    > 0;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void theMetadataServiceWantsAToken() throws Exception {
        onAndOff(Switch.METADATA_V2_ONLY, (test, on) -> {
            Vm vm = test.vm("one");
            TestVpc.Answer answer = test.metadata(vm, vm.primary().ip(), "GET", "/latest/user-data", Map.of());
            assertThat(answer.status()).isEqualTo(on ? 401 : 200);
            assertThat(test.withToken(vm, "/latest/user-data").body()).isEqualTo("user-data of one");
        });
    }

    @Test
    void anAnswerOfTheMetadataServiceIsNotForwarded() throws Exception {
        onAndOff(Switch.METADATA_HOP_LIMIT, (test, on) -> {
            Vm vm = test.vm("one");
            test.require(
                    vm.namespace(),
                    "nft",
                    "table ip seen { chain c { type filter hook prerouting priority 0; ip saddr 169.254.169.254 ip ttl 1 counter; }; }");
            test.token(vm);
            boolean shortLived = !test.require(vm.namespace(), "nft", "list", "table", "ip", "seen")
                    .contains("packets 0 ");
            assertThat(shortLived).isEqualTo(on);
        });
    }

    @Test
    void theSecondNicIsConfiguredAtBoot() throws Exception {
        onAndOff(Switch.SECONDARY_NIC_CONFIGURED, (test, on) -> {
            Vm vm = test.vm("one");
            String address = test.require(vm.namespace(), "ip", "-o", "-4", "addr", "show", "dev", "ens6");
            assertThat(address.contains(vm.nics().get(1).address().toString())).isEqualTo(on);
        });
    }

    @Test
    void bothNicsHaveADefaultRoute() throws Exception {
        onAndOff(Switch.DEFAULT_ROUTE_ON_EVERY_NIC, (test, on) -> {
            Vm vm = test.vm("one");
            String routes = test.require(vm.namespace(), "ip", "route", "show", "default");
            assertThat(routes.lines().count()).isEqualTo(on ? 2 : 1);
        });
    }

    @Test
    void privateAddressesLeaveUnderTheRoutersOwn() throws Exception {
        onAndOff(Switch.NAT, (test, on) -> {
            Vm vm = test.vm("one");
            // Without NAT the internet's answer comes back all the same: its only way is the router. The source tells.
            assertThat(seenBy(test, vm))
                    .isEqualTo(
                            on ? "198.51.100.1" : IpAddresses.text(vm.primary().ip()));
        });
    }

    private static String seenBy(TestVpc test, Vm vm) throws IOException {
        try (Netns netns = Netns.open(vm.namespace())) {
            return netns.<String, IOException>run(() -> {
                try (var socket = new java.net.Socket()) {
                    socket.setSoTimeout(10_000);
                    socket.connect(new InetSocketAddress(test.vpc.internetHost(), 80), 10_000);
                    byte[] line = new byte[64];
                    int count = socket.getInputStream().read(line);
                    return new String(line, 0, count, StandardCharsets.US_ASCII).strip();
                } catch (SocketTimeoutException e) {
                    return "nobody";
                }
            });
        }
    }

    @Test
    void workersAndTheirPodsReachEachOtherAndTheInternet() {
        try (TestVpc test = TestVpc.asEc2()) {
            WorkerNode one = test.vpc.worker("worker", IpAddresses.parse("10.10.0.1"), IpPrefix.of("10.244.1.0/24"));
            WorkerNode two = test.vpc.worker("worker2", IpAddresses.parse("10.10.0.2"), IpPrefix.of("10.244.2.0/24"));
            ClusterPod here = test.vpc.clusterPod(one, "cpod", IpAddresses.parse("10.244.1.3"), 1500);
            ClusterPod there = test.vpc.clusterPod(two, "cpod2", IpAddresses.parse("10.244.2.2"), 1500);
            Vm vm = test.vm("one");
            Consumer<InetAddress> reached = to -> assertThat(test.ping(here.namespace(), to))
                    .as(to.toString())
                    .isTrue();
            reached.accept(there.ip());
            reached.accept(two.ip());
            reached.accept(vm.primary().ip());
            reached.accept(test.vpc.internetHost());
            assertThat(test.ping(vm.namespace(), one.ip())).isTrue();
            assertThat(test.vpc.clusterPods()).containsExactly(here, there);
            test.vpc.removeClusterPod("cpod");
            test.vpc.removeClusterPod("cpod");
            assertThat(here.namespace()).doesNotExist();
        }
    }

    @Test
    void thisMachineIsCabledToTheVpcByOneLink() {
        try (TestVpc test = TestVpc.asEc2()) {
            WorkerNode self = test.vpc.attachThisMachine("self", IpAddresses.parse("10.10.0.9"));
            Vm vm = test.vm("one");
            assertThat(test.ping(vm.namespace(), self.ip())).isTrue();
            assertThat(test.vpc.attachThisMachine("self", IpAddresses.parse("10.10.0.9")))
                    .isEqualTo(self);
        }
    }
}
