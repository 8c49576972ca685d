package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class MachineIdTest {

    private static final String UUID = "EC2F5A3C-1111-2222-3333-444455556666";
    private static final String SYSTEMD = "0123456789abcdef0123456789abcdef";

    @TempDir
    Path root;

    private String with(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
        return MachineId.under(root).get();
    }

    @Test
    void aContainerOfAnotherImageOnTheSameMachineHasTheSameId() throws IOException {
        String machine = with("sys/class/dmi/id/product_uuid", UUID + "\n");

        assertThat(machine).matches("[0-9a-f]{32}").doesNotContain("ec2f5a3c");
        assertThat(with("etc/machine-id", SYSTEMD + "\n")).isEqualTo(machine);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "Not Settable",
                "00000000-0000-0000-0000-000000000000",
                "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
                "03000200-0400-0500-0006-000700080009"
            })
    void firmwareWithoutAnIdOfItsOwnLeavesSystemds(String uuid) throws IOException {
        String systemd = with("etc/machine-id", SYSTEMD);

        assertThat(systemd).isNotEmpty();
        assertThat(with("sys/class/dmi/id/product_uuid", uuid)).isEqualTo(systemd);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "uninitialized\n", "../../x"})
    void aMachineThatCannotBeToldHasNone(String text) throws IOException {
        assertThat(with("etc/machine-id", text)).isEmpty();
    }
}
