package io.peerpods.network.worker;

import static io.peerpods.network.Specs.ip;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import java.math.BigInteger;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PodSubnetCidrsTest {

    @Test
    void ipv6NetworksAreWarnedOf() {
        assertThat(PodSubnetCidrs.parse("10.244.0.0/16,fd00:244::/56")
                        .ipv6Warning()
                        .orElseThrow())
                .contains("POD_SUBNET_CIDRS", "fd00:244::/56", "no effect");
        assertThat(PodSubnetCidrs.parse("10.244.0.0/16").ipv6Warning()).isEmpty();
    }

    @Test
    void tolerates_blanks_and_empty_elements_and_drops_host_bits() {
        assertThat(PodSubnetCidrs.parse(" 10.244.0.0/16 ,10.96.0.1/12,, fd00:10::/64,10.96.0.0/12")
                        .networks())
                .containsExactly(
                        IpPrefix.of("10.244.0.0/16"), IpPrefix.of("10.96.0.0/12"), IpPrefix.of("fd00:10::/64"));
        assertThat(PodSubnetCidrs.parse("")).isEqualTo(PodSubnetCidrs.NONE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.244.0.0/33", "10.244/16x", "cluster", "10.0.0.1", "10.0.0.0/8 10.1.0.0/16"})
    void refuses_what_is_no_network_and_names_it(String bad) {
        assertThatThrownBy(() -> PodSubnetCidrs.parse("10.96.0.0/12," + bad))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(bad);
    }

    @Test
    void warns_when_the_api_service_is_not_covered() {
        assertThat(PodSubnetCidrs.parse("10.244.0.0/16,10.96.0.0/12").warning(ip("10.96.0.1")))
                .isEmpty();
        assertThat(PodSubnetCidrs.parse("10.244.0.0/16")
                        .warning(ip("10.96.0.1"))
                        .orElseThrow())
                .contains("10.96.0.1", "10.244.0.0/16");
        assertThat(PodSubnetCidrs.NONE.warning(ip("10.96.0.1")).orElseThrow()).contains("is empty");
        assertThat(PodSubnetCidrs.NONE.warning(null)).isEmpty();
    }

    @Test
    void covers_exactly_what_arithmetic_says() {
        Random random = new Random(31);
        for (int i = 0; i < 5000; i++) {
            byte[] network = new byte[random.nextBoolean() ? 4 : 16];
            random.nextBytes(network);
            int length = random.nextInt(network.length * 8 + 1);
            byte[] address = network.clone();
            int bit = random.nextInt(network.length * 8);
            address[bit / 8] ^= (byte) (0x80 >> (bit % 8));
            PodSubnetCidrs cidrs = new PodSubnetCidrs(List.of(new IpPrefix(IpAddresses.of(network), length)));
            int shift = network.length * 8 - length;
            boolean inside =
                    new BigInteger(1, network).shiftRight(shift).equals(new BigInteger(1, address).shiftRight(shift));
            boolean mapped = network.length == 16 && IpAddresses.isIpv4(IpAddresses.of(network));
            assertThat(cidrs.covers(IpAddresses.of(address))).isEqualTo(inside && !mapped);
        }
    }
}
