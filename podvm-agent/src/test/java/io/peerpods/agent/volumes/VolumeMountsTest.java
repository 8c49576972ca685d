package io.peerpods.agent.volumes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.proto.datahub.SecureMountRequest;
import io.peerpods.proto.datahub.SecureMountResponse;
import io.peerpods.proto.datahub.SecureMountServiceGrpc;
import io.peerpods.testing.LoopDisk;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import io.peerpods.ttrpc.TtrpcServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real disks, file systems and mounts, in a directory of the test's own. */
@NeedsRoot
@NeedsProgram({"losetup", "mkfs.ext4", "mount", "umount"})
class VolumeMountsTest {

    private static final String EBS = "vol-0123456789abcdef0";
    private static final String SERIAL = "vol0123456789abcdef0";
    private static final long SIZE = 24L << 20;

    @TempDir
    Path machine;

    private final List<LoopDisk> disks = new ArrayList<>();
    private Path place;
    private VolumeMounts mounts;

    @BeforeEach
    void open() throws IOException {
        place = machine.toRealPath().resolve("cloud-volumes");
        mounts = mounts(Duration.ofSeconds(30));
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        mounts.unmountAll();
        assertThat(MountTable.read().in(place)).isEmpty();
        disks.forEach(LoopDisk::close);
    }

    private VolumeMounts mounts(Duration patience) {
        return new VolumeMounts(
                place, machine.resolve("sys/block"), machine.resolve("dev"), machine.resolve("cdh.sock"), patience);
    }

    private LoopDisk disk() {
        LoopDisk disk = LoopDisk.blank(machine.resolve("disk" + disks.size()), SIZE);
        disks.add(disk);
        return disk;
    }

    private static CloudVolume volume(String fsType, boolean readOnly, String group, String... options) {
        return new CloudVolume(0, EBS, "/data", fsType, readOnly, List.of(options), group, "", "");
    }

    private static CloudVolume plain() {
        return volume("ext4", false, "");
    }

    private static CloudVolume encrypted() {
        return new CloudVolume(0, EBS, "/data", "ext4", false, List.of(), "", "luks2", "default/key/1");
    }

    @Test
    void aBlankDiskGetsAFileSystemOnceAndItsDataStays() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        Path at = mounts.mount(plain());
        assertThat(at).isEqualTo(place.resolve("vol-0"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(place)))
                .isEqualTo("rwx------");
        Files.writeString(at.resolve("kept"), "data");
        // A second container, and an agent that was started again, get the same mount.
        assertThat(mounts.mount(plain())).isEqualTo(at);
        VolumeMounts next = mounts(Duration.ofSeconds(30));
        assertThat(next.mount(plain())).isEqualTo(at);
        assertThat(MountTable.read().in(place))
                .singleElement()
                .satisfies(mounted -> assertThat(mounted.device()).isEqualTo(disk.number()));
        next.unmountAll();
        assertThat(MountTable.read().in(place)).isEmpty();
        assertThat(at).doesNotExist();
        next.unmountAll();

        mounts.mount(plain());
        assertThat(at.resolve("kept")).hasContent("data");
    }

    @Test
    void aDiskThatHoldsSomethingElseIsNeverWrittenTo() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        for (Map.Entry<Long, String> magic : Map.of(
                        0L,
                        "LUKS\u00ba\u00be",
                        510L,
                        "U\u00aa",
                        65600L,
                        "_BHRfS_M",
                        200_000L,
                        "notes",
                        SIZE - 5,
                        "notes")
                .entrySet()) {
            write(disk, magic.getKey(), magic.getValue());
            byte[] before = Files.readAllBytes(disk.file());
            assertThatThrownBy(() -> mounts.mount(plain()))
                    .as(magic.toString())
                    .isInstanceOf(VolumeException.class)
                    .hasMessageContaining(EBS)
                    .hasMessageContaining("holds")
                    .hasMessageContaining("wipe");
            assertThat(Files.readAllBytes(disk.file())).as(magic.toString()).isEqualTo(before);
            write(disk, magic.getKey(), "\0".repeat(magic.getValue().length()));
        }
        // Once it is wiped, a retry works.
        assertThat(mounts.mount(plain())).isDirectory();
    }

    @Test
    void aDiskThatCannotBeReadIsLeftAlone() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        Path file = machine.resolve("dev/nvme1n1");
        Files.delete(file);
        Files.createDirectory(file);
        assertThatThrownBy(() -> mounts.mount(plain())).hasMessageContaining("cannot be read");
        Files.delete(file);
        Files.createSymbolicLink(file, disk.device());
        assertThat(mounts.mount(plain())).isDirectory();
    }

    @Test
    void whatIsOnADiskIsMountedWhateverWasWanted() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        Programs.require("mkfs.ext4", "-q", disk.device().toString());
        byte[] before = Files.readAllBytes(disk.file());
        Path at = mounts.mount(volume("xfs", true, ""));
        assertThat(Programs.require("stat", "-f", "-c", "%T", at.toString())).contains("ext");
        mounts.unmountAll();
        assertThat(Files.readAllBytes(disk.file())).isEqualTo(before);
    }

    @Test
    @NeedsProgram("mkfs.xfs")
    void aBlankDiskGetsXfsWhenThatIsWanted() throws Exception {
        Assumptions.assumeTrue(
                Files.readString(Path.of("/proc/filesystems")).contains("xfs"), "this kernel has no xfs");
        LoopDisk disk = LoopDisk.blank(machine.resolve("large"), 320L << 20);
        disks.add(disk);
        disk.appear(machine, "nvme1n1", SERIAL);
        Path at = mounts.mount(volume("xfs", false, "4321", "nouuid", "noatime"));
        assertThat(Programs.require("stat", "-f", "-c", "%T", at.toString()).strip())
                .isEqualTo("xfs");
        Files.writeString(at.resolve("kept"), "data");
        mounts.unmountAll();
        // What is on it counts, not what is wanted by now.
        assertThat(mounts.mount(plain()).resolve("kept")).hasContent("data");
    }

    @Test
    void aReadOnlyVolumeIsNotWrittenTo() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        assertThatThrownBy(() -> mounts.mount(volume("ext4", true, "1000")))
                .hasMessageContaining("blank")
                .hasMessageContaining("read-only");
        Programs.require("mkfs.ext4", "-q", disk.device().toString());
        Path at = mounts.mount(volume("ext4", true, "1000"));
        assertThatThrownBy(() -> Files.createFile(at.resolve("x")))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("Read-only");
    }

    @Test
    void mountOptionsAreTaken() throws Exception {
        disk().appear(machine, "nvme1n1", SERIAL);
        Path at = mounts.mount(volume("ext4", false, "", "noexec", "nosuid", "nodev", "noatime"));
        assertThat(Programs.require("grep", " " + at + " ", "/proc/self/mountinfo"))
                .contains("rw,nosuid,nodev,noexec,noatime");
    }

    @Test
    void filesAreGivenToTheGroupOnceAndNothingOutsideIs() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        Path outside = Files.writeString(machine.resolve("outside"), "x");
        Files.setPosixFilePermissions(outside, PosixFilePermissions.fromString("rw-------"));
        Path at = mounts.mount(plain());
        Files.createDirectories(at.resolve("a/b"));
        Path file = Files.writeString(at.resolve("a/b/file"), "x");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        Files.createSymbolicLink(at.resolve("a/link"), outside);
        Programs.require("mkfifo", at.resolve("a/fifo").toString());
        mounts.unmountAll();

        assertThat(mounts.mount(volume("ext4", false, "4321"))).isEqualTo(at);
        assertThat(stat(at)).isEqualTo("0:4321 2775");
        assertThat(stat(at.resolve("a/b"))).isEqualTo("0:4321 2775");
        assertThat(stat(file)).isEqualTo("0:4321 664");
        assertThat(stat(at.resolve("a/link"))).startsWith("0:4321");
        assertThat(stat(outside)).isEqualTo("0:0 600");
        assertThat(stat(Files.writeString(at.resolve("new"), "x"))).startsWith("0:4321");
        // The root is as it should be: files are not gone through again.
        Programs.require("chgrp", "0", file.toString());
        mounts.mount(volume("ext4", false, "4321"));
        assertThat(stat(file)).startsWith("0:0");
        assertThat(disk.device()).exists();
    }

    @Test
    void filesOfAVolumeThatAContainerHasAreLeftAlone() throws Exception {
        disk().appear(machine, "nvme1n1", SERIAL);
        Path at = mounts.mount(volume("ext4", false, "4321"));
        Path file = Files.writeString(at.resolve("file"), "x");
        Programs.require("chgrp", "0", at.toString(), file.toString());
        // Neither the next container nor the next agent walks where a container may exchange files meanwhile.
        mounts.mount(volume("ext4", false, "4321"));
        mounts(Duration.ofSeconds(30)).mount(volume("ext4", false, "4321"));
        assertThat(stat(at)).startsWith("0:0");
        assertThat(stat(file)).startsWith("0:0");
    }

    @Test
    void aVolumeThatAContainerKeptOverARestartOfTheAgentIsNotGoneThrough() throws Exception {
        disk().appear(machine, "nvme1n1", SERIAL);
        Path at = mounts.mount(plain());
        Path container = Files.createDirectory(machine.resolve("container"));
        Programs.require("mount", "--bind", at.toString(), container.toString());
        // The mount point of another mount namespace is not in this one's table: so it is for this one, detached.
        try (OutputStream open = Files.newOutputStream(container.resolve("log"))) {
            Programs.require("umount", "-l", container.toString());
            mounts.unmountAll();
            assertThat(stat(mounts.mount(volume("ext4", false, "4321")))).startsWith("0:0");
            open.write(1);
        }
        assertThat(stat(at.resolve("log"))).startsWith("0:0");
    }

    @Test
    void whatAKilledAgentLeftHalfWayIsMountedAgain() throws Exception {
        disk().appear(machine, "nvme1n1", SERIAL);
        Path at = mounts.mount(plain());
        Path file = Files.writeString(at.resolve("file"), "x");
        Files.delete(place.resolve("vol-0.ready"));
        VolumeMounts next = mounts(Duration.ofSeconds(30));
        try (OutputStream open = Files.newOutputStream(at.resolve("log"))) {
            assertThatThrownBy(() -> next.mount(volume("ext4", false, "4321")))
                    .hasMessageContaining("did not come to its end")
                    .hasMessageContaining("EBUSY");
            open.write(1);
        }
        next.mount(volume("ext4", false, "4321"));
        assertThat(stat(file)).startsWith("0:4321");
        assertThat(place.resolve("vol-0.ready")).exists();
        next.unmountAll();
        assertThat(place.resolve("vol-0.ready")).doesNotExist();
    }

    private static String stat(Path file) {
        return Programs.require("stat", "-c", "%u:%g %a", file.toString()).strip();
    }

    @Test
    void aDiskThatComesLateIsWaitedForAndOneThatNeverComesIsNamed() throws Exception {
        LoopDisk disk = disk();
        CompletableFuture<Path> mounted = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                mounted.complete(mounts.mount(plain()));
            } catch (Exception e) {
                mounted.completeExceptionally(e);
            }
        });
        disk.appear(machine, "nvme7n1", SERIAL);
        assertThat(mounted.get()).isEqualTo(place.resolve("vol-0"));

        CloudVolume other = new CloudVolume(1, "vol-0ffffffff", "/more", "ext4", false, List.of(), "", "", "");
        assertThatThrownBy(() -> mounts(Duration.ofMillis(50)).mount(other))
                .hasMessageContaining("vol-1")
                .hasMessageContaining("vol-0ffffffff")
                .hasMessageContaining("not appeared")
                .hasMessageContaining("nvme7n1 (" + SERIAL + ")");
    }

    @Test
    void theEndOfTheSandboxEndsTheWaitForADisk() throws Exception {
        VolumeMounts patient = mounts(Duration.ofHours(1));
        CompletableFuture<Throwable> refused = new CompletableFuture<>();
        Thread waiting = Thread.startVirtualThread(
                () -> refused.complete(catchThrowableOfType(VolumeException.class, () -> patient.mount(plain()))));
        while (waiting.isAlive() && waiting.getState() != Thread.State.TIMED_WAITING) {
            Thread.sleep(5);
        }
        patient.unmountAll();
        assertThat(refused.get()).hasMessageContaining("being destroyed");
    }

    @Test
    void whoWaitedForAnotherMountWhileTheSandboxEndedMountsNothing() throws Exception {
        CloudVolume absent = new CloudVolume(1, "vol-0ffffffff", "/more", "ext4", false, List.of(), "", "", "");
        VolumeMounts patient = mounts(Duration.ofHours(1));
        List<CompletableFuture<Throwable>> refused = new ArrayList<>();
        disk().appear(machine, "nvme1n1", SERIAL);
        for (CloudVolume volume : List.of(absent, plain())) {
            CompletableFuture<Throwable> answer = new CompletableFuture<>();
            refused.add(answer);
            Thread waiting = Thread.startVirtualThread(
                    () -> answer.complete(catchThrowableOfType(VolumeException.class, () -> patient.mount(volume))));
            while (waiting.getState() != Thread.State.TIMED_WAITING && waiting.getState() != Thread.State.WAITING) {
                Thread.sleep(5);
            }
        }
        patient.unmountAll();
        for (CompletableFuture<Throwable> answer : refused) {
            assertThat(answer.get()).hasMessageContaining("being destroyed");
        }
        assertThat(MountTable.read().in(place)).isEmpty();
    }

    @Test
    void aDiskInUseAndAnotherDiskInItsPlaceAreNamed() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        Programs.require("mkfs.ext4", "-q", disk.device().toString());
        Path elsewhere = Files.createDirectory(machine.resolve("elsewhere"));
        Programs.require("mount", disk.device().toString(), elsewhere.toString());
        try {
            assertThatThrownBy(() -> mounts.mount(plain())).hasMessageContaining("mounted at " + elsewhere);
        } finally {
            Programs.require("umount", elsewhere.toString());
        }
        mounts.mount(plain());
        disk().appear(machine, "nvme2n1", "vol0eeeeeeee");
        CloudVolume other = new CloudVolume(0, "vol-0eeeeeeee", "/data", "ext4", false, List.of(), "", "", "");
        assertThatThrownBy(() -> mounts.mount(other)).hasMessageContaining("another disk");
    }

    @Test
    void aPartitionedOrHeldDiskIsNotAVolume() throws Exception {
        disk().appear(machine, "nvme1n1", SERIAL);
        Path block = machine.resolve("sys/block/nvme1n1");
        Files.createDirectory(block.resolve("holders/dm-7"));
        assertThatThrownBy(() -> mounts.mount(plain())).hasMessageContaining("in use by dm-7");
        Files.delete(block.resolve("holders/dm-7"));
        Files.writeString(Files.createDirectory(block.resolve("nvme1n1p1")).resolve("partition"), "1");
        assertThatThrownBy(() -> mounts.mount(plain())).hasMessageContaining("nvme1n1p1");
    }

    @Test
    void aVolumeThatIsInUseAtTheEndLosesNothing() throws Exception {
        disk().appear(machine, "nvme1n1", SERIAL);
        Path at = mounts.mount(plain());
        try (OutputStream open = Files.newOutputStream(at.resolve("log"))) {
            open.write("line".getBytes(StandardCharsets.UTF_8));
            mounts.unmountAll();
            assertThat(MountTable.read().in(place)).isEmpty();
        }
        // The kernel lets go of the disk after its last user.
        Path again = null;
        for (int i = 0; again == null; i++) {
            try {
                again = mounts.mount(plain());
            } catch (VolumeException e) {
                assertThat(i).as(e.getMessage()).isLessThan(600);
                Thread.sleep(100);
            }
        }
        assertThat(again.resolve("log")).hasContent("line");
    }

    @Test
    void anEncryptedVolumeIsMountedByTheDataHub() throws Exception {
        LoopDisk disk = disk().appear(machine, "nvme1n1", SERIAL);
        assertThatThrownBy(() -> mounts(Duration.ofMillis(50)).mount(encrypted()))
                .hasMessageContaining("encrypted")
                .hasMessageContaining("guest components");
        Hub hub = new Hub();
        try (TtrpcServer server =
                TtrpcServer.builder().addService(hub).listen(UnixDomainSocketAddress.of(machine.resolve("cdh.sock")))) {
            hub.refusal = Status.PERMISSION_DENIED.withDescription("the broker says no");
            assertThatThrownBy(() -> mounts.mount(encrypted()))
                    .hasMessageContaining("default/key/1")
                    .hasMessageContaining("the broker says no");
            hub.refusal = Status.OK;
            Path at = mounts.mount(encrypted());
            assertThat(hub.requests.getLast())
                    .isEqualTo(SecureMountRequest.newBuilder()
                            .setVolumeType("block-device")
                            .putAllOptions(Map.of(
                                    "devicePath", machine.resolve("dev/nvme1n1").toString(),
                                    "sourceType", "empty",
                                    "targetType", "fileSystem",
                                    "encryptionType", "luks2",
                                    "filesystemType", "ext4",
                                    "key", "kbs:///default/key/1",
                                    "mapperName", "caa-vol-0"))
                            .setMountPoint(at.toString())
                            .build());
            assertThat(mounts.mount(encrypted())).isEqualTo(at);
            assertThat(hub.requests).hasSize(2);
            mounts.unmountAll();
            Files.delete(machine.resolve("sys/block/nvme1n1/holders/dm-0"));

            write(disk, 0, "LUKS\u00ba\u00be");
            mounts.mount(encrypted());
            assertThat(hub.requests.getLast().getOptionsOrThrow("sourceType")).isEqualTo("encrypted");
            mounts.unmountAll();
            Files.delete(machine.resolve("sys/block/nvme1n1/holders/dm-0"));

            write(disk, 0, "notes of somebody");
            assertThatThrownBy(() -> mounts.mount(encrypted())).hasMessageContaining("would be lost");
            assertThat(hub.requests).hasSize(3);
            assertThat(server.address()).isNotNull();
        }
    }

    /** Says that it has opened the disk as dm-0, and mounts memory under that name. */
    private final class Hub extends SecureMountServiceGrpc.SecureMountServiceImplBase {
        private final List<SecureMountRequest> requests = new ArrayList<>();
        private volatile Status refusal = Status.OK;

        @Override
        public void secureMount(SecureMountRequest request, StreamObserver<SecureMountResponse> caller) {
            requests.add(request);
            if (!refusal.isOk()) {
                caller.onError(refusal.asException());
                return;
            }
            try {
                String at = request.getMountPoint();
                String name = request.getOptionsOrThrow("mapperName");
                Programs.require("mount", "-t", "tmpfs", "/dev/mapper/" + name, at);
                Path block = Files.createDirectories(machine.resolve("sys/block/dm-0/dm"));
                Files.writeString(block.resolve("name"), name);
                Files.writeString(
                        block.resolveSibling("dev"),
                        MountTable.read().at(Path.of(at)).orElseThrow().device());
                Files.createDirectory(machine.resolve("sys/block/nvme1n1/holders/dm-0"));
                caller.onNext(SecureMountResponse.getDefaultInstance());
                caller.onCompleted();
            } catch (IOException | VolumeException | RuntimeException e) {
                caller.onError(Status.INTERNAL.withDescription(e.toString()).asException());
            }
        }
    }

    private static void write(LoopDisk disk, long at, String text) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(disk.device().toFile(), "rw")) {
            file.seek(at);
            file.write(text.getBytes(StandardCharsets.ISO_8859_1));
            file.getFD().sync();
        }
    }
}
