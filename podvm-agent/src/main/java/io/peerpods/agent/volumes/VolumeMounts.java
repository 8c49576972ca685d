package io.peerpods.agent.volumes;

import io.peerpods.agent.volumes.Disks.Disk;
import io.peerpods.agent.volumes.MountTable.Mounted;
import io.peerpods.config.volume.CloudVolume;
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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod's cloud volumes, each mounted once in a directory of the VM however many containers want it. What is mounted is what the
 * kernel says: a second process goes on where the first one ended. A volume that is ready has an empty file beside its directory,
 * {@code vol-N.ready}: no container was ever given a mount without it. Thread-safe.
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
    private static final Pattern VOLUME = Pattern.compile("vol-\\d+");
    private static final String READY = ".ready";
    private static final Duration LOCK_PATIENCE = Duration.ofSeconds(10);

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
        int before = endings.get(); // before the lock: who waited for it while the sandbox ended mounts nothing
        Sandbox sandbox = () -> {
            if (endings.get() != before) {
                throw new VolumeException("the sandbox is being destroyed");
            }
        };
        lock.lockInterruptibly();
        try {
            sandbox.requireAlive();
            Path at = directory.resolve(volume.name());
            Disk disk = await(volume, sandbox);
            Optional<Mounted> there = MountTable.read().at(at);
            if (there.isPresent()) {
                requireSame(volume, disk, there.get());
                if (Files.exists(ready(at))) {
                    return at;
                }
                unmountUnready(there.get());
            }
            makeReady(volume, disk, at, sandbox);
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

    /** The sandbox whose volumes these are. */
    interface Sandbox {
        /**
         * Returns while it is wanted.
         *
         * @throws VolumeException when it is being destroyed
         */
        void requireAlive() throws VolumeException;
    }

    private static Path ready(Path at) {
        return at.resolveSibling(at.getFileName() + READY);
    }

    /** What an agent that was killed left half-way: no container has it. */
    private static void unmountUnready(Mounted there) throws VolumeException {
        int answer = unmounted(there.at());
        if (answer < 0) {
            throw new VolumeException("an attempt that did not come to its end has mounted it at " + there.at()
                    + ", and it cannot be unmounted: " + Errno.name(-answer));
        }
    }

    private void makeReady(CloudVolume volume, Disk disk, Path at, Sandbox sandbox)
            throws VolumeException, InterruptedException {
        try {
            Files.deleteIfExists(ready(at));
            boolean alone = mount(volume, disk, at, sandbox);
            if (!alone) {
                log.info("cloud volume {} is still in use by a container: its group stays as it is", volume.name());
            } else if (!volume.fsGroup().isEmpty() && !volume.readOnly()) {
                FsGroup.apply(at, Integer.parseInt(volume.fsGroup()), sandbox);
            }
            sandbox.requireAlive();
            Files.createFile(ready(at));
        } catch (IOException e) {
            unmount(at);
            throw new VolumeException("it cannot be kept in mind that it is mounted: " + e, e);
        } catch (VolumeException e) {
            unmount(at);
            throw e;
        }
    }

    private Disk await(CloudVolume volume, Sandbox sandbox) throws VolumeException, InterruptedException {
        long end = System.nanoTime() + patience.toNanos();
        Duration pause = FIRST_PAUSE;
        while (true) {
            Optional<Disk> disk = disks.find(volume);
            if (disk.isPresent()) {
                return disk.get();
            }
            sandbox.requireAlive();
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

    /** Whether its file system has no other user, such as a container that an earlier agent process started. */
    private boolean mount(CloudVolume volume, Disk disk, Path at, Sandbox sandbox)
            throws VolumeException, InterruptedException {
        requireUnused(volume, disk);
        boolean alone = isUnclaimed(disk);
        DiskContents contents = contents(disk);
        makeDirectories(at);
        if (volume.isEncrypted()) {
            mountEncrypted(volume, disk, contents, at, sandbox);
        } else {
            mountPlain(volume, disk, contents, at, sandbox);
        }
        log.info("cloud volume {} ({}, {}) is mounted at {}", volume.name(), volume.diskId(), disk.device(), at);
        return alone;
    }

    /** In other mount namespaces too, which the mount table does not show: a mounted disk cannot be opened exclusively. */
    private static boolean isUnclaimed(Disk disk) {
        return NativeThreads.call(() -> {
            int fd = Libc.open(device(disk), Libc.O_RDONLY | Libc.O_EXCL | Libc.O_CLOEXEC);
            return fd >= 0 && Libc.close(fd) == 0;
        });
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

    private static void mountPlain(CloudVolume volume, Disk disk, DiskContents contents, Path at, Sandbox sandbox)
            throws VolumeException {
        String type = switch (contents) {
            case EXT -> volume.fsType().startsWith("ext") ? volume.fsType() : "ext4";
            case XFS -> "xfs";
            case BLANK -> volume.fsType();
            default ->
                throw new VolumeException(disk.device() + " holds " + contents.words()
                        + ", which is neither mounted nor overwritten; if its data is not needed, wipe the volume"
                        + " (wipefs -a and zeros at its start and end)");
        };
        if (contents == DiskContents.BLANK) {
            if (volume.readOnly()) {
                throw new VolumeException(disk.device() + " is blank, and a read-only volume gets no file system");
            }
            sandbox.requireAlive();
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
        sandbox.requireAlive();
        Program.run(PROGRAM_LIMIT, "mount", "-t", type, "-o", options(volume), device(disk), at.toString());
    }

    private void mountEncrypted(CloudVolume volume, Disk disk, DiskContents contents, Path at, Sandbox sandbox)
            throws VolumeException, InterruptedException {
        boolean empty = contents == DiskContents.BLANK;
        if (!empty && contents != DiskContents.LUKS) {
            throw new VolumeException(disk.device() + " is to be encrypted (" + volume.encryptType() + ") and holds "
                    + contents.words() + ", which would be lost; copy it to an empty volume");
        }
        if (empty && volume.readOnly()) {
            throw new VolumeException(disk.device() + " is blank, and a read-only volume gets no file system");
        }
        sandbox.requireAlive();
        new DataHub(dataHub, patience).mount(volume, disk.device(), empty, mapperName(volume), at);
        if (MountTable.read().at(at).isEmpty()) {
            throw new VolumeException("the confidential data hub has mounted nothing at " + at);
        }
        if (volume.readOnly() || !volume.options().isEmpty()) {
            Program.run(PROGRAM_LIMIT, "mount", "-o", "remount," + options(volume), at.toString());
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

    /**
     * Unmounts every volume and ends the wait for a disk. A mount that is being made is waited for for some seconds; one that takes
     * longer is unmounted by the thread that makes it. What cannot be unmounted is said in the log.
     */
    public void unmountAll() {
        endings.incrementAndGet();
        boolean locked = tryLock();
        try {
            if (!locked) {
                log.warn("a cloud volume is still being mounted: it will be unmounted right after, the others are now");
            }
            for (Mounted mounted : MountTable.read().in(directory)) {
                if (VOLUME.matcher(mounted.name()).matches()) {
                    unmount(mounted);
                }
            }
        } catch (VolumeException e) {
            log.warn("cloud volumes are not unmounted: {}", e.getMessage());
        } finally {
            if (locked) {
                lock.unlock();
            }
        }
    }

    private boolean tryLock() {
        try {
            return lock.tryLock(LOCK_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return lock.tryLock();
        }
    }

    private void unmount(Path at) throws VolumeException {
        MountTable.read().at(at).ifPresent(this::unmount);
    }

    private void unmount(Mounted mounted) {
        String at = mounted.at();
        int answer = unmounted(at);
        if (answer == -Errno.EBUSY) {
            log.warn(
                    "cloud volume {} is still in use: its data is written out and it goes when its last user does", at);
            try {
                Program.run(PROGRAM_LIMIT, "sync", "-f", at);
            } catch (VolumeException e) {
                log.warn("cloud volume {} may lose data: {}", at, e.getMessage());
            }
            answer = NativeThreads.call(() -> Libc.umount(at, Libc.MNT_DETACH));
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
            Path place = directory.resolve(mounted.name());
            Files.deleteIfExists(ready(place));
            Files.deleteIfExists(place);
        } catch (IOException e) {
            log.debug("{} stays: {}", at, e.toString());
        }
    }

    private static int unmounted(String at) {
        int answer = 0;
        for (int i = 0; i < UNMOUNT_TRIES; i++) {
            answer = NativeThreads.call(() -> Libc.umount(at, 0));
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
