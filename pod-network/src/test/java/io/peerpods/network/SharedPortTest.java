package io.peerpods.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.NewLink;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.network.worker.ForeignVxlan;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Our vxlan beside another's on one UDP port: what the kernel refuses is what is predicted, in either order. */
@NeedsRoot
@NeedsProgram("ip")
class SharedPortTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "id 4096 remote 10.0.0.9 dstport 4789",
                "id 4096 remote fd00::9 dstport 4789",
                "id 4096 dev nic0 dstport 4789",
                "id 4096 dev nic0 local 10.0.0.1 dstport 4789 nolearning",
                "id 4096 remote 10.0.0.9 dstport 4789 udpcsum",
                "id 4096 remote fd00::9 dstport 4789 udp6zerocsumtx",
                "id 4096 remote 10.0.0.9 dstport 4789 udp6zerocsumrx",
                "id 4096 remote fd00::9 dstport 4789 udp6zerocsumrx",
                "id 4096 remote 10.0.0.9 dstport 4789 gbp",
                "id 4096 remote fd00::9 dstport 4789 gbp",
                "id 4096 remote 10.0.0.9 dstport 4789 remcsumrx",
                "external dstport 4789",
                "external gpe dstport 4789",
                "external vnifilter dstport 4789",
                "external local 10.0.0.1 dstport 4789",
                "id 555000 remote 10.0.0.9 dstport 4789",
                "id 555000 remote fd00::9 dstport 4789",
                "external dstport 4790"
            })
    void anothersVxlanOnOurPortIsAConflictWhenTheKernelRefusesOurs(String options) {
        try (TempNetns worker = TempNetns.create("worker");
                Netns netns = Netns.open(worker.path());
                Rtnl rtnl = Rtnl.open(netns)) {
            MiniLab.sh(
                    worker,
                    "ip link add nic0 type veth peer name nic1; ip addr add 10.0.0.1/24 dev nic0; ip link set nic0 up;"
                            + " ip link set nic1 up; ip link add other type vxlan " + options
                            + "; ip link set other up");
            boolean predicted = ForeignVxlan.conflict(Specs.pod(), rtnl.links()).isPresent();
            assertThat(predicted).isEqualTo(isRefused(rtnl));
            MiniLab.sh(worker, "ip link del other");
            assertThat(isRefused(rtnl)).isFalse();
            boolean theirs =
                    worker.tryExec("sh", "-ec", "ip link add other type vxlan " + options + "; ip link set other up")
                                    .exit()
                            != 0;
            assertThat(theirs).as("the other one, after ours").isEqualTo(predicted);
        }
    }

    /** Ours stays when it came up. */
    private static boolean isRefused(Rtnl rtnl) {
        VxlanAttributes ours = VxlanAttributes.unicast(555000, 4789, Specs.ip("10.0.0.2"))
                .withLocal(Specs.ip("10.0.0.1"))
                .withLearning(false);
        rtnl.link("ours").map(Link::index).ifPresent(rtnl::deleteLink);
        try {
            rtnl.addVxlan(new NewLink("ours", null, 0), ours, null);
            rtnl.change(rtnl.requireLink("ours").index()).up(true).apply();
            return false;
        } catch (LinuxException e) {
            return true;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.2", "fd00::2"})
    void ourVxlanHasTheKernelsReceiveOptions(String peer) {
        try (TempNetns worker = TempNetns.create("worker");
                Netns netns = Netns.open(worker.path());
                Rtnl rtnl = Rtnl.open(netns)) {
            rtnl.addVxlan(new NewLink("ours", null, 0), VxlanAttributes.unicast(1, 4789, Specs.ip(peer)), null);
            assertThat(rtnl.requireLink("ours").vxlanReceive()).isEqualTo(List.of());
        }
    }
}
