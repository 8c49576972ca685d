package io.peerpods.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpPrefixTest {

    @ParameterizedTest
    @CsvSource({
        "10.244.1.5/24, 10.244.1.5/24, 10.244.1.0/24",
        "10.244.1.5, 10.244.1.5/32, 10.244.1.5/32",
        "0.0.0.0/0, 0.0.0.0/0, 0.0.0.0/0",
        "192.168.255.255/17, 192.168.255.255/17, 192.168.128.0/17",
        "fd00::1/64, fd00::1/64, fd00::/64",
        "FD00:0:0:1::, fd00:0:0:1::/128, fd00:0:0:1::/128",
        "::/0, ::/0, ::/0",
        "2001:db8:0:1:0:0:0:1/127, 2001:db8:0:1::1/127, 2001:db8:0:1::/127",
        "1:0:0:2:0:0:0:3/128, 1:0:0:2::3/128, 1:0:0:2::3/128",
        "::ffff:0.0.0.0/0, 0.0.0.0/0, 0.0.0.0/0",
        "::ffff:10.1.2.3/16, 10.1.2.3/16, 10.1.0.0/16",
        "::ffff:10.1.2.3/112, 10.1.2.3/16, 10.1.0.0/16",
        "::ffff:10.1.2.3/128, 10.1.2.3/32, 10.1.2.3/32",
    })
    void readsAndMasks(String text, String normal, String network) {
        IpPrefix prefix = IpPrefix.of(text);
        assertThat(prefix).hasToString(normal);
        assertThat(prefix.network()).hasToString(network);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "10.0.0.0/",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0/8",
                "host/24",
                "::1/129",
                "10.0.0.0/8/8",
                "::ffff:10.0.0.0/64",
                "10.0.0.0/+8",
                "10.0.0.0/0008"
            })
    void refusesWhatIsNone(String text) {
        assertThatThrownBy(() -> IpPrefix.of(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void containsWithinOneFamilyOnly() {
        IpPrefix cluster = IpPrefix.of("10.244.0.0/16");
        assertThat(cluster.contains(IpAddresses.parse("10.244.255.1"))).isTrue();
        assertThat(cluster.contains(IpAddresses.parse("10.245.0.1"))).isFalse();
        assertThat(cluster.contains(IpPrefix.of("10.244.3.0/24"))).isTrue();
        assertThat(cluster.contains(IpPrefix.of("10.0.0.0/8"))).isFalse();
        assertThat(IpPrefix.IPV4_DEFAULT.contains(IpAddresses.parse("fd00::1"))).isFalse();
        assertThat(IpPrefix.IPV6_DEFAULT.contains(IpAddresses.parse("10.0.0.1")))
                .isFalse();
    }

    @Test
    void masksAsBigNumbersDo() {
        Random random = new Random(20261121);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
            random.nextBytes(bytes);
            bytes[0] = 0x20; // never IPv4-mapped
            int bits = bytes.length * 8;
            int length = random.nextInt(bits + 1);
            BigInteger address = new BigInteger(1, bytes);
            BigInteger expected = address.shiftRight(bits - length).shiftLeft(bits - length);
            IpPrefix network = new IpPrefix(IpAddresses.of(bytes), length).network();
            assertThat(new BigInteger(1, network.address().getAddress())).isEqualTo(expected);
            assertThat(IpPrefix.of(network.toString())).isEqualTo(network);
        }
    }

    @Test
    void hardwareAddressesKeepTheirForm() {
        MacAddress mac = MacAddress.of("02:AB:00:00:00:ff");
        assertThat(mac).hasToString("02:ab:00:00:00:ff");
        assertThat(MacAddress.of(mac.bytes())).isEqualTo(mac);
        assertThatThrownBy(() -> MacAddress.of("02:ab")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> MacAddress.of("02-ab-00-00-00-ff")).isInstanceOf(IllegalArgumentException.class);
    }
}
