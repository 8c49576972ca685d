package io.peerpods.network.tunnel;

import static io.peerpods.network.Specs.ip;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.network.spec.PodNetworkException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TunnelMtuTest {

    @ParameterizedTest
    @CsvSource({
        // pod, route, peer, configured, public, result
        "1500, 1500, 10.10.0.1, 0, false, 1450",
        "1500, 9001, 10.10.0.1, 0, false, 1500",
        "9001, 9001, 10.10.0.1, 0, false, 8951",
        "8951, 9001, 10.10.0.1, 0, false, 8951",
        "1450, 1500, 10.10.0.1, 0, false, 1450",
        "1500, 1500, fd00:10::1, 0, false, 1430",
        "9001, 9001, fd00:10::1, 0, false, 8931",
        "1500, 1500, 10.10.0.1, 1400, false, 1400",
        "1400, 1500, 10.10.0.1, 1450, false, 1400",
        "9001, 9001, 203.0.113.9, 0, false, 1450",
        "9001, 9001, 10.10.0.1, 0, true, 1450",
        "1500, 1500, 2001:db8::1, 0, false, 1430",
        "9001, 9001, 100.64.0.1, 0, false, 8951",
        "9001, 9001, 172.31.0.1, 0, false, 8951",
        "9001, 9001, 172.32.0.1, 0, false, 1450",
        "9001, 1400, 203.0.113.9, 0, false, 1350",
    })
    void is_the_greatest_that_fits(int pod, int route, String peer, int configured, boolean pub, int mtu)
            throws PodNetworkException {
        assertThat(TunnelMtu.of(pod, route, ip(peer), configured, pub)).isEqualTo(mtu);
    }

    @Test
    void never_exceeds_any_bound() throws PodNetworkException {
        Random random = new Random(1450);
        for (int i = 0; i < 5000; i++) {
            int pod = 200 + random.nextInt(9000);
            int route = 200 + random.nextInt(9000);
            int configured = random.nextBoolean() ? 0 : 200 + random.nextInt(9000);
            boolean ipv6 = random.nextBoolean();
            boolean pub = random.nextBoolean();
            int mtu = TunnelMtu.of(pod, route, ip(ipv6 ? "fd00::1" : "10.0.0.1"), configured, pub);
            int overhead = ipv6 ? 70 : 50;
            assertThat(mtu).isLessThanOrEqualTo(pod).isLessThanOrEqualTo(route - overhead);
            assertThat(mtu == pod || mtu == route - overhead || mtu == configured || (pub && mtu == 1450))
                    .isTrue();
        }
    }

    @Test
    void says_why_nothing_is_left() {
        assertThatThrownBy(() -> TunnelMtu.of(1500, 100, ip("10.0.0.1"), 0, false))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContaining("10.0.0.1")
                .hasMessageContaining("100");
    }
}
