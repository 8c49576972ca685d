package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ListenBacklogTest {

    @Test
    void aKernelLimitBelowTheBacklogIsSaid() {
        assertThat(ListenBacklog.warning(128))
                .hasValueSatisfying(text -> assertThat(text).contains("net.core.somaxconn is 128", "4096"));
        assertThat(ListenBacklog.warning(4096)).isEmpty();
    }
}
