package io.peerpods.agent.volumes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.config.volume.CloudVolume;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On made-up machines: which disk is a volume's, and which never. */
class DisksTest {

    @TempDir
    Path machine;

    private Path blocks;
    private Path devices;
    private Disks disks;

    @BeforeEach
    void bare() throws IOException {
        blocks = Files.createDirectories(machine.resolve("sys/block"));
        devices = Files.createDirectories(machine.resolve("dev"));
        disks = new Disks(blocks, devices);
    }

    @Test
    void anEbsVolumeIsKnownByTheSerialNumberOfItsController() throws Exception {
        disk("nvme0n1", "259:0");
        controllerSerial("nvme0n1", "vol0aaaaaaaaaaaaaaaa");
        disk("nvme1n1", "259:1");
        controllerSerial("nvme1n1", "vol0bbbbbbbbbbbbbbbb ");
        assertThat(found(0, "vol-0bbbbbbbbbbbbbbbb")).contains("nvme1n1");
        assertThat(found(0, "vol-0cccccccccccccccc")).isEmpty();
        assertThat(disks.inventory()).contains("nvme1n1 (vol0bbbbbbbbbbbbbbbb)");
    }

    @Test
    void anEbsVolumeIsNeverTakenByNumberWhereEbsIsNvme() throws Exception {
        disk("nvme0n1", "259:0");
        controllerSerial("nvme0n1", "vol0aaaaaaaaaaaaaaaa");
        disk("xvdb", "202:16");
        disk("vdb", "254:16");
        scsi("sdb", "8:16", "1:0:0:0");
        assertThat(found(0, "vol-0bbbbbbbbbbbbbbbb")).isEmpty();
    }

    @Test
    void aVolumeWithoutItsSerialNumberIsKnownAsEbsByItsModel() throws Exception {
        disk("nvme0n1", "259:0");
        controllerSerial("nvme0n1", "");
        Files.writeString(blocks.resolve("nvme0n1/device/model"), "Amazon Elastic Block Store              \n");
        disk("xvdb", "202:16");
        assertThat(found(0, "vol-0bbbbbbbbbbbbbbbb")).isEmpty();
    }

    @Test
    void anInstanceStoreOnNvmeLeavesXenItsLetters() throws Exception {
        disk("nvme0n1", "259:0");
        controllerSerial("nvme0n1", "AWS1A2B3C4D5E6F7A8B9");
        Files.writeString(blocks.resolve("nvme0n1/device/model"), "Amazon EC2 NVMe Instance Storage        \n");
        disk("xvdb", "202:16");
        assertThat(found(0, "vol-0bbbbbbbbbbbbbbbb")).contains("xvdb");
    }

    @Test
    void onXenAnEbsVolumeHasTheLetterItWasAttachedBy() throws Exception {
        disk("xvda", "202:0");
        disk("xvdb", "202:16");
        disk("xvdc", "202:32");
        assertThat(found(1, "vol-0bbbbbbb")).contains("xvdc");
    }

    @Test
    void aVirtioDiskIsKnownByItsSerialNumberWhichIsCutThenByItsLetter() throws Exception {
        disk("vda", "254:0");
        partition("vda", "vda1");
        disk("vdb", "254:16");
        disk("vdc", "254:32");
        Files.writeString(blocks.resolve("vdc/serial"), "0f9d7c1e-aaaa-bbbb-c");
        assertThat(found(0, "0f9d7c1e-aaaa-bbbb-cccc-000000000000")).contains("vdc");
        assertThat(found(0, "/pool/data.qcow2")).contains("vdb");
        assertThat(found(7, "/pool/data.qcow2")).isEmpty();
        assertThat(found(40, "/pool/data.qcow2")).isEmpty();
    }

    @Test
    void twoDisksOfOneCutSerialNumberAreNotGuessedBetween() throws Exception {
        for (String name : List.of("vdb", "vdc")) {
            disk(name, name.equals("vdb") ? "254:16" : "254:32");
            Files.writeString(blocks.resolve(name).resolve("serial"), "subscription-of-mine");
        }
        assertThatThrownBy(() -> found(0, "subscription-of-mine-a"))
                .isInstanceOf(VolumeException.class)
                .hasMessageContaining("[vdb, vdc]")
                .hasMessageContaining("serial number");
    }

    @Test
    void azuresLinksName() throws Exception {
        disk("sdc", "8:32");
        Files.createDirectories(devices.resolve("disk/azure/scsi1"));
        Files.createSymbolicLink(devices.resolve("disk/azure/scsi1/lun2"), devices.resolve("sdc"));
        assertThat(found(2, "/subscriptions/x/disks/data")).contains("sdc");
        assertThat(found(1, "/subscriptions/x/disks/data")).isEmpty();
    }

    @Test
    void aScsiDiskIsFoundByItsLunAndTheVmsOwnDisksAreNot() throws Exception {
        scsi("sda", "8:0", "0:0:0:0");
        partition("sda", "sda1");
        scsi("sdb", "8:16", "0:0:0:1");
        scsi("sdc", "8:32", "3:0:0:0");
        scsi("sdd", "8:48", "3:0:0:1");
        assertThat(found(0, "disk-a")).contains("sdc");
        assertThat(found(1, "disk-b")).contains("sdd");
        assertThat(found(2, "disk-c")).isEmpty();
    }

    @Test
    void onASingleHostAFreeDiskIsFoundByItsLun() throws Exception {
        scsi("sda", "8:0", "0:0:0:0");
        partition("sda", "sda1");
        scsi("sdb", "8:16", "0:0:0:1");
        assertThat(found(1, "disk-b")).contains("sdb");
        assertThat(found(0, "disk-a")).isEmpty();
    }

    @Test
    void twoDisksOfOneLunAreNotGuessedBetween() throws Exception {
        scsi("sdb", "8:16", "2:0:0:1");
        scsi("sdc", "8:32", "3:0:0:1");
        assertThatThrownBy(() -> found(1, "disk-b"))
                .isInstanceOf(VolumeException.class)
                .hasMessageContaining("sdb")
                .hasMessageContaining("sdc");
    }

    @Test
    void aDiskWithoutAFileIsNotThereYet() throws Exception {
        disk("nvme1n1", "259:1");
        controllerSerial("nvme1n1", "vol0bbbbbbbb");
        Files.delete(devices.resolve("nvme1n1"));
        assertThat(found(0, "vol-0bbbbbbbb")).isEmpty();
    }

    private Optional<String> found(int lun, String diskId) throws VolumeException {
        return disks.find(new CloudVolume(lun, diskId, "/data", "ext4", false, List.of(), "", "", ""))
                .map(Disks.Disk::name);
    }

    private void disk(String name, String number) throws IOException {
        Files.createDirectories(blocks.resolve(name));
        Files.writeString(blocks.resolve(name).resolve("dev"), number + "\n");
        Files.createFile(devices.resolve(name));
    }

    private void controllerSerial(String name, String serial) throws IOException {
        Path controller =
                Files.createDirectories(machine.resolve("sys/class/nvme").resolve("of-" + name));
        Files.writeString(controller.resolve("serial"), serial + "\n");
        Files.createSymbolicLink(blocks.resolve(name).resolve("device"), controller);
    }

    private void partition(String disk, String name) throws IOException {
        Files.createDirectories(blocks.resolve(disk).resolve(name));
        Files.writeString(blocks.resolve(disk).resolve(name).resolve("partition"), "1\n");
    }

    private void scsi(String name, String number, String address) throws IOException {
        disk(name, number);
        Path target = Files.createDirectories(
                machine.resolve("sys/devices/host/target").resolve(address));
        Files.createSymbolicLink(blocks.resolve(name).resolve("device"), target);
    }
}
