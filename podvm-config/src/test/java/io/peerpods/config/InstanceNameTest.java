package io.peerpods.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import javax.net.ssl.SNIHostName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InstanceNameTest {

    @ParameterizedTest
    @CsvSource({
        "nginx, 0123456789abcdef, podvm-nginx-01234567",
        "Web.Front_End, ABCDEFGHIJ, podvm-web-front-end-abcdefgh",
        "a, x, podvm-a-x",
        "été, 12345678, podvm--t--12345678",
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeefff, 0123456789, podvm-aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeee-01234567",
    })
    void follows_the_existing_systems_algorithm(String pod, String sandbox, String name) {
        assertThat(InstanceName.of(pod, sandbox)).isEqualTo(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"abcdefg-hij", "abcdef.-x", "a-b-c-d-e-f", "0123456_9"})
    void anIdWithAHyphenInItsEighthPlaceGivesANameThatTlsTakes(String sandbox) {
        String name = InstanceName.of("web", sandbox);
        assertThat(new SNIHostName(name).getAsciiName()).isEqualTo(name);
    }

    @Test
    void is_always_a_dns_label() {
        Random random = new Random(4711);
        for (int i = 0; i < 2000; i++) {
            String pod = text(random, 1 + random.nextInt(300));
            assertThat(InstanceName.of(pod, text(random, 1 + random.nextInt(80))))
                    .as(pod)
                    .matches("podvm(?:[a-z0-9-]*[a-z0-9])?")
                    .hasSizeLessThanOrEqualTo(63);
        }
    }

    @Test
    void needs_both_parts() {
        assertThatThrownBy(() -> InstanceName.of("", "abc")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> InstanceName.of("pod", "")).isInstanceOf(IllegalArgumentException.class);
    }

    private static String text(Random random, int length) {
        StringBuilder text = new StringBuilder();
        while (text.length() < length) {
            text.append((char) (0x20 + random.nextInt(0x200)));
        }
        return text.toString();
    }
}
