package io.peerpods.cloud.aws.userdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

final class UserDataTextTest {

    @Test
    void whatFitsGoesAsItIs() throws Exception {
        String text = "x".repeat(UserDataText.LIMIT);

        assertThat(Base64.getDecoder().decode(UserDataText.pack(text)))
                .isEqualTo(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void whatDoesNotFitIsPackedTheSameWayEveryTime() throws Exception {
        String text = "x".repeat(UserDataText.LIMIT + 1);

        String packed = UserDataText.pack(text);

        assertThat(UserDataText.pack(text)).isEqualTo(packed);
        assertThat(unzip(Base64.getDecoder().decode(packed))).isEqualTo(text);
    }

    private static String unzip(byte[] bytes) throws IOException {
        try (var in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void whatDoesNotFitAtAllIsRefusedWithBothSizes() {
        byte[] noise = new byte[20_000];
        new Random(1).nextBytes(noise);
        String text = Base64.getEncoder().encodeToString(noise);

        assertThatThrownBy(() -> UserDataText.pack(text))
                .isInstanceOf(CloudException.InvalidRequest.class)
                .hasMessageContaining(text.length() + " bytes")
                .hasMessageContaining("16384");
    }
}
