package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Facts of the kernel about MTUs, which are why the planner computes every one of them. Should a kernel behave otherwise, these tests say
 * so before a tunnel does.
 */
@NeedsRoot
@NeedsProgram("ip")
class KernelMtuTest {

    @SuppressWarnings("NullAway.Init")
    private TempNetns ns;

    @BeforeEach
    void make() {
        ns = TempNetns.create("mtu");
        ip("link add u0 type veth peer name u1");
        ip("link set u0 up");
        ip("link set u1 up");
        ip("addr add 10.9.0.1/24 dev u0");
    }

    @AfterEach
    void end() {
        ns.close();
    }

    @Test
    void aUnicastVxlanWithoutDeviceHas1500() {
        ip("link add vxa type vxlan id 1 remote 10.9.0.2 dstport 4789");
        assertThat(mtu("vxa")).isEqualTo(1500);
        assertThat(tries("link set vxa mtu 9000"))
                .as("it may be raised: no bound is known")
                .isTrue();
    }

    @Test
    void aVxlanWithADeviceHasWhatItsHeadersLeave() {
        ip("link add vxb type vxlan id 2 remote 10.9.0.2 dstport 4789 dev u0");
        assertThat(mtu("vxb")).isEqualTo(1450);
        ip("link add vxd type vxlan id 4 group 224.0.0.88 dstport 4789 dev u0");
        assertThat(mtu("vxd")).as("multicast").isEqualTo(1450);
        ip("-6 addr add fd00:9::1/64 dev u0 nodad");
        ip("link add vxc type vxlan id 3 remote fd00:9::2 dstport 4789 dev u0");
        assertThat(mtu("vxc")).as("IPv6").isEqualTo(1430);
        jumbo();
        ip("link add vxe type vxlan id 5 remote 10.9.0.2 dstport 4789 dev u0");
        assertThat(mtu("vxe")).isEqualTo(8951);
        ip("link add vxf type vxlan id 6 remote fd00:9::2 dstport 4789 dev u0");
        assertThat(mtu("vxf")).as("IPv6").isEqualTo(8931);
    }

    @Test
    void aVxlanDoesNotFollowItsDevice() {
        ip("link add vxb type vxlan id 2 remote 10.9.0.2 dstport 4789 dev u0");
        jumbo();
        assertThat(mtu("vxb")).as("raised").isEqualTo(1450);
        ip("link set u0 mtu 1400");
        assertThat(mtu("vxb")).as("lowered").isEqualTo(1450);
        assertThat(tries("link set vxb mtu 1500")).as("above the device's").isFalse();
    }

    @Test
    void aDeviceThatIsSetLaterOnlyLowers() {
        ip("link add vxg type vxlan id 7 dstport 4789");
        ip("link set dev vxg type vxlan id 7 dev u0");
        assertThat(mtu("vxg")).isEqualTo(1450);
        jumbo();
        ip("link add vxh type vxlan id 8 dstport 4789");
        ip("link set dev vxh type vxlan id 8 dev u0");
        assertThat(mtu("vxh")).isEqualTo(1500);
    }

    @Test
    void aBridgeTakesItsSmallestPortUntilItIsSetByHand() {
        ip("link add br0 type bridge");
        assertThat(mtu("br0")).isEqualTo(1500);
        ip("link add vxd type vxlan id 4 group 224.0.0.88 dstport 4789 dev u0");
        ip("link set vxd master br0");
        assertThat(mtu("br0")).isEqualTo(1450);
        ip("link add q0 type veth peer name q1");
        ip("link set q0 master br0");
        assertThat(mtu("br0")).isEqualTo(1450);
        assertThat(mtu("q0")).isEqualTo(1500);
        ip("link set br0 mtu 1500");
        ip("link add r0 type veth peer name r1");
        ip("link set r0 mtu 1400");
        ip("link set r0 master br0");
        assertThat(mtu("br0")).isEqualTo(1500);
    }

    @Test
    void aVxlanGoesWithItsDevice() {
        ip("link add vxb type vxlan id 2 remote 10.9.0.2 dstport 4789 dev u0");
        ip("link del u0");
        assertThat(tries("link show vxb")).isFalse();
    }

    private void jumbo() {
        ip("link set u0 mtu 9001");
        ip("link set u1 mtu 9001");
    }

    private int mtu(String link) {
        Matcher matcher = Pattern.compile(" mtu (\\d+) ").matcher(ns.exec("ip", "link", "show", "dev", link));
        assertThat(matcher.find()).isTrue();
        return Integer.parseInt(matcher.group(1));
    }

    private void ip(String arguments) {
        ns.exec(("ip " + arguments).split(" ", -1));
    }

    private boolean tries(String arguments) {
        return ns.tryExec(("ip " + arguments).split(" ", -1)).exit() == 0;
    }
}
