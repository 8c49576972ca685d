package io.peerpods.agent.volumes;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class MountTableTest {

    private final MountTable table = MountTable.of(List.of(
            "22 1 0:20 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=1k",
            "36 22 259:1 / /run/cloud-volumes/vol-0 rw,noatime shared:1 master:2 - ext4 /dev/nvme1n1 rw",
            "37 22 253:0 / /run/cloud-volumes/vol-1 rw - xfs /dev/mapper/caa-vol-1 rw",
            "38 22 259:2 /sub /run/a\\040b\\134c rw - ext4 /dev/sd\\040x rw",
            "39 22 259:3 / /run/cloud-volumes/vol-0 rw - ext4 /dev/nvme2n1 rw",
            "41 22 259:9 / /run/\u00c3\u00a9\u00ff rw - ext4 /dev/sdy rw",
            "a line of another time",
            "40 22 8:1 / /no-separator rw shared:1 master:2"));

    @Test
    void theUppermostMountOfAPlaceIsWhatIsThere() {
        assertThat(table.at(Path.of("/run/cloud-volumes/vol-0")))
                .hasValueSatisfying(mounted -> assertThat(mounted.source()).isEqualTo("/dev/nvme2n1"));
        assertThat(table.at(Path.of("/run/cloud-volumes"))).isEmpty();
        assertThat(table.at(Path.of("/no-separator"))).isEmpty();
    }

    @Test
    void aDeviceIsFoundByItsNumberAndNamesAreReadWhole() {
        assertThat(table.ofDevice("259:2")).contains(new MountTable.Mounted("259:2", "/run/a b\\c", "/dev/sd x"));
        assertThat(table.ofDevice("259:22")).isEmpty();
    }

    @Test
    void whatIsInADirectoryComesLatestFirst() {
        assertThat(table.in(Path.of("/run/cloud-volumes")))
                .extracting(MountTable.Mounted::device)
                .containsExactly("259:3", "253:0", "259:1");
    }

    @Test
    void theKernelsOwnTableIsRead() throws Exception {
        assertThat(MountTable.read().at(Path.of("/proc"))).isPresent();
    }
}
