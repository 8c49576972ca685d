package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ListenBacklogTest {

    @Test
    void aKernelLimitBelowTheBacklogIsSaid() {
        assertThat(ListenBacklog.warning(128))
                .hasValueSatisfying(text -> assertThat(text).contains("net.core.somaxconn is 128", "4096"));
        assertThat(ListenBacklog.warning(4096)).isEmpty();
    }

    @Test
    void theKernelsOwnLimitIsReadWhole() throws Exception {
        List<String> lines = Files.readAllLines(Path.of("/proc/sys/net/core/somaxconn"));
        assertThat(ListenBacklog.warning()).isEqualTo(ListenBacklog.warning(Integer.parseInt(lines.getFirst())));
    }
}
