package io.peerpods.agent.volumes;

import io.peerpods.agent.volumes.Disks.Disk;
import io.peerpods.agent.volumes.MountTable.Mounted;
import io.peerpods.config.CloudVolume;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import io.peerpods.linux.sys.NativeThreads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod's cloud volumes, each mounted once in a directory of the VM however many containers want it. What is mounted is what the
 * kernel says: a second process goes on where the first one ended. Thread-safe.
 */
public final class VolumeMounts {

    /** The existing system's place for them. */
    public static final String DIRECTORY = "/run/cloud-volumes";

    private static final Logger log = LoggerFactory.getLogger(VolumeMounts.class);

    private static final Duration PROGRAM_LIMIT = Duration.ofMinutes(5);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(20);
    private static final Duration LONGEST_PAUSE = Duration.ofMillis(500);
    private static final int UNMOUNT_TRIES = 20;
    private static final Duration UNMOUNT_PAUSE = Duration.ofMillis(100);
    private static final String MAPPER = "/dev/mapper/";
    private static final String MAPPER_PREFIX = "caa-";
    private static final String VOLUME = "vol-";

    private final Path directory;
    private final Disks disks;
    private final Path dataHub;
    private final Duration patience;
    private final ReentrantLock lock = new ReentrantLock();
    private final AtomicInteger endings = new AtomicInteger();

    /**
     * Mounts nothing yet.
     *
     * @param directory where the volumes are mounted, in {@code vol-N}; made when the first one is
     * @param blocks where the kernel shows block devices
     * @param devices where their files are
     * @param dataHub socket of the confidential data hub
     * @param patience how long a disk is waited for
     */
    public VolumeMounts(Path directory, Path blocks, Path devices, Path dataHub, Duration patience) {
        this.directory = directory;
        this.disks = new Disks(blocks, devices);
        this.dataHub = dataHub;
        this.patience = patience;
    }

    /** Those of this VM, waiting as long as the existing system does. */
    public static VolumeMounts ofVm(Path root) {
        return new VolumeMounts(
                root.resolve(DIRECTORY.substring(1)),
                Path.of("/sys/block"),
                Path.of("/dev"),
                Path.of("/run/confidential-containers/cdh.sock"),
                Duration.ofSeconds(30));
    }

    /**
     * The directory where the volume is mounted. A disk that is blank gets a file system first; one that holds anything that cannot be
     * mounted is never written to.
     *
     * @throws VolumeException naming the volume; a later call tries again
     */
    public Path mount(CloudVolume volume) throws VolumeException, InterruptedException {
        lock.lockInterruptibly();
        try {
            Path at = directory.resolve(volume.name());
            Disk disk = await(volume);
            Optional<Mounted> there = MountTable.read().at(at);
            if (there.isPresent()) {
                requireSame(volume, disk, there.get());
            } else {
                mount(volume, disk, at);
            }
            applyGroup(volume, at, there.isEmpty());
            return at;
        } catch (VolumeException e) {
            throw new VolumeException(
                    "cloud volume " + volume.name() + " (" + volume.diskId() + ", for " + volume.mountPoint() + "): "
                            + e.getMessage(),
                    e);
        } finally {
            lock.unlock();
        }
    }

    private Disk await(CloudVolume volume) throws VolumeException, InterruptedException {
        int before = endings.get();
        long end = System.nanoTime() + patience.toNanos();
        Duration pause = FIRST_PAUSE;
        while (true) {
            Optional<Disk> disk = disks.find(volume);
            if (disk.isPresent()) {
                return disk.get();
            }
            if (endings.get() != before) {
                throw new VolumeException("the sandbox is being destroyed");
            }
            if (System.nanoTime() - end > 0) {
                throw new VolumeException("its disk has not appeared in the VM within " + patience.toSeconds()
                        + " s; disks: " + disks.inventory());
            }
            Thread.sleep(pause);
            Duration longer = pause.multipliedBy(2);
            pause = longer.compareTo(LONGEST_PAUSE) < 0 ? longer : LONGEST_PAUSE;
        }
    }

    private void requireSame(CloudVolume volume, Disk disk, Mounted there) throws VolumeException {
        boolean same = volume.isEncrypted()
                ? there.source().equals(MAPPER + mapperName(volume))
                        && disks.holders(disk.name()).stream()
                                .anyMatch(holder -> disks.number(holder).equals(there.device()))
                : there.device().equals(disk.number());
        if (!same) {
            throw new VolumeException("another disk (" + there.source() + ") is mounted in its place " + there.at());
        }
    }

    private void mount(CloudVolume volume, Disk disk, Path at) throws VolumeException, InterruptedException {
        requireUnused(volume, disk);
        DiskContents contents = contents(disk);
        makeDirectories(at);
        if (volume.isEncrypted()) {
            mountEncrypted(volume, disk, contents, at);
        } else {
            mountPlain(volume, disk, contents, at);
        }
        log.info("cloud volume {} ({}, {}) is mounted at {}", volume.name(), volume.diskId(), disk.device(), at);
    }

    private void requireUnused(CloudVolume volume, Disk disk) throws VolumeException {
        Optional<Mounted> elsewhere = MountTable.read().ofDevice(disk.number());
        if (elsewhere.isPresent()) {
            throw new VolumeException(
                    disk.device() + " is mounted at " + elsewhere.get().at());
        }
        List<String> partitions = disks.partitions(disk.name());
        if (!partitions.isEmpty()) {
            throw new VolumeException(disk.device() + " has partitions " + partitions
                    + "; a volume has its file system on the whole disk");
        }
        for (String holder : disks.holders(disk.name())) {
            // Opened by an attempt that did not come to its end.
            if (!volume.isEncrypted() || !disks.mapperName(holder).equals(mapperName(volume))) {
                throw new VolumeException(disk.device() + " is in use by " + holder);
            }
            Program.run(PROGRAM_LIMIT, "cryptsetup", "close", mapperName(volume));
        }
    }

    private static DiskContents contents(Disk disk) throws VolumeException {
        try {
            return DiskContents.of(disk.device());
        } catch (IOException e) {
            throw new VolumeException(
                    disk.device() + " cannot be read, so nothing is done with it: " + e.getMessage(), e);
        }
    }

    private static void mountPlain(CloudVolume volume, Disk disk, DiskContents contents, Path at)
            throws VolumeException {
        String type = switch (contents) {
            case EXT -> volume.fsType().startsWith("ext") ? volume.fsType() : "ext4";
            case XFS -> "xfs";
            case BLANK -> volume.fsType();
            default ->
                throw new VolumeException(disk.device() + " holds " + contents.words()
                        + ", which is neither mounted nor overwritten; if nobody needs it, wipe the volume"
                        + " (wipefs -a and zeros at its start and end)");
        };
        if (contents == DiskContents.BLANK) {
            if (volume.readOnly()) {
                throw new VolumeException(disk.device() + " is blank, and a read-only volume gets no file system");
            }
            // Without -F and -f: both look for signatures of their own accord and refuse to overwrite one.
            if (type.equals("xfs")) {
                Program.run(PROGRAM_LIMIT, "mkfs.xfs", "-q", device(disk));
            } else {
                Program.run(PROGRAM_LIMIT, "mkfs." + type, "-q", "-m", "0", device(disk));
            }
        } else if (!type.equals(volume.fsType())) {
            log.warn(
                    "cloud volume {} is wanted as {} and holds {}: mounted as it is",
                    volume.name(),
                    volume.fsType(),
                    contents.words());
        }
        Program.run(PROGRAM_LIMIT, "mount", "-t", type, "-o", options(volume), device(disk), at.toString());
    }

    private void mountEncrypted(CloudVolume volume, Disk disk, DiskContents contents, Path at)
            throws VolumeException, InterruptedException {
        boolean empty = contents == DiskContents.BLANK;
        if (!empty && contents != DiskContents.LUKS) {
            throw new VolumeException(disk.device() + " is to be encrypted (" + volume.encryptType() + ") and holds "
                    + contents.words() + ", which would be lost; copy it to an empty volume");
        }
        if (empty && volume.readOnly()) {
            throw new VolumeException(disk.device() + " is blank, and a read-only volume gets no file system");
        }
        new DataHub(dataHub, patience).mount(volume, disk.device(), empty, mapperName(volume), at);
        if (MountTable.read().at(at).isEmpty()) {
            throw new VolumeException("the confidential data hub has mounted nothing at " + at);
        }
        if (volume.readOnly() || !volume.options().isEmpty()) {
            try {
                Program.run(PROGRAM_LIMIT, "mount", "-o", "remount," + options(volume), at.toString());
            } catch (VolumeException e) {
                unmount(at);
                throw e;
            }
        }
    }

    private static String device(Disk disk) {
        return disk.device().toString();
    }

    private static String options(CloudVolume volume) {
        List<String> words = new ArrayList<>(List.of(volume.readOnly() ? "ro" : "rw"));
        words.addAll(volume.options());
        return String.join(",", words);
    }

    private static String mapperName(CloudVolume volume) {
        return MAPPER_PREFIX + volume.name();
    }

    private void makeDirectories(Path at) throws VolumeException {
        try {
            for (Path made : List.of(directory, at)) {
                Files.createDirectories(made);
                Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwx------"));
            }
        } catch (IOException e) {
            throw new VolumeException("no place to mount it: " + e, e);
        }
    }

    private void applyGroup(CloudVolume volume, Path at, boolean mountedNow) throws VolumeException {
        if (volume.fsGroup().isEmpty() || volume.readOnly()) {
            return;
        }
        try {
            FsGroup.apply(at, Integer.parseInt(volume.fsGroup()));
        } catch (IOException e) {
            if (mountedNow) {
                unmount(at);
            }
            throw new VolumeException("its files cannot be given to group " + volume.fsGroup() + ": " + e, e);
        }
    }

    /** Unmounts every volume, a wait for a disk included. What cannot be unmounted is said in the log. */
    public void unmountAll() {
        endings.incrementAndGet();
        lock.lock();
        try {
            for (Mounted mounted : MountTable.read().in(directory)) {
                String name = mounted.at().getFileName().toString();
                if (name.startsWith(VOLUME)) {
                    unmount(mounted);
                }
            }
        } catch (VolumeException e) {
            log.warn("cloud volumes are not unmounted: {}", e.getMessage());
        } finally {
            lock.unlock();
        }
    }

    private void unmount(Path at) throws VolumeException {
        MountTable.read().at(at).ifPresent(this::unmount);
    }

    private void unmount(Mounted mounted) {
        Path at = mounted.at();
        int answer = unmounted(at);
        if (answer == -Errno.EBUSY) {
            log.warn(
                    "cloud volume {} is still in use: its data is written out and it goes when its last user does", at);
            try {
                Program.run(PROGRAM_LIMIT, "sync", "-f", at.toString());
            } catch (VolumeException e) {
                log.warn("cloud volume {} may lose data: {}", at, e.getMessage());
            }
            answer = NativeThreads.call(() -> Libc.umount(at.toString(), Libc.MNT_DETACH));
        }
        if (answer < 0) {
            log.warn("cloud volume {} cannot be unmounted: {}", at, Errno.name(-answer));
            return;
        }
        log.info("cloud volume {} is unmounted", at);
        if (mounted.source().startsWith(MAPPER + MAPPER_PREFIX)) {
            closeMapping(mounted.source().substring(MAPPER.length()));
        }
        try {
            Files.deleteIfExists(at);
        } catch (IOException e) {
            log.debug("{} stays: {}", at, e.toString());
        }
    }

    private static int unmounted(Path at) {
        int answer = 0;
        for (int i = 0; i < UNMOUNT_TRIES; i++) {
            answer = NativeThreads.call(() -> Libc.umount(at.toString(), 0));
            if (answer != -Errno.EBUSY) {
                return answer;
            }
            try {
                Thread.sleep(UNMOUNT_PAUSE);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return answer;
            }
        }
        return answer;
    }

    private static void closeMapping(String name) {
        try {
            Program.run(PROGRAM_LIMIT, "cryptsetup", "close", name);
        } catch (VolumeException e) {
            log.warn("the encrypted volume {} stays open: {}", name, e.getMessage());
        }
    }
}
