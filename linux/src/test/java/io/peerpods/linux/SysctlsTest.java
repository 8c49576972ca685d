package io.peerpods.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class SysctlsTest {

    @Test
    void aNumberIsReadWithAllItsDigits() throws Exception {
        Path file = Path.of("/proc/sys/net/core/somaxconn");
        assertThat(Sysctls.read(file))
                .isEqualTo(Files.readAllLines(file).getFirst())
                .hasSizeGreaterThan(1);
    }
}
