package io.peerpods.network.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.MacAddress;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A probe is what any pod can send into its tunnel. */
class ProbeFrameTest {

    private static final ProbeFrame PROBE = new ProbeFrame(
            MacAddress.of("02:00:00:00:00:05"),
            MacAddress.of("02:00:00:00:00:01"),
            false,
            "00112233445566778899aabbccddeeff");

    @Test
    void aProbeAndItsAnswerAreReadAsTheyWereWritten() {
        assertThat(ProbeFrame.parse(PROBE.bytes())).contains(PROBE);
        ProbeFrame answer = PROBE.answered();
        assertThat(answer.destination()).isEqualTo(PROBE.source());
        assertThat(answer.source()).isEqualTo(PROBE.destination());
        assertThat(ProbeFrame.parse(answer.bytes())).contains(answer);
    }

    @Test
    void framesOfAnyBytesAndLengthAreReadOrRefused() {
        Random random = new Random(20261201);
        for (int i = 0; i < 200_000; i++) {
            byte[] frame = Arrays.copyOf(PROBE.bytes(), random.nextInt(4) == 0 ? random.nextInt(2048) : 60);
            for (int changes = random.nextInt(4); changes > 0 && frame.length > 0; changes--) {
                frame[random.nextInt(frame.length)] = (byte) random.nextInt();
            }
            ProbeFrame.parse(frame).ifPresent(read -> {
                assertThat(frame).hasSize(60);
                byte[] written = read.bytes();
                // The ethertype and what pads the frame are not read.
                System.arraycopy(frame, 12, written, 12, 2);
                System.arraycopy(frame, 40, written, 40, 20);
                assertThat(written).isEqualTo(frame);
            });
        }
    }
}
