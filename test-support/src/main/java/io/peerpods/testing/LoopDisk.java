package io.peerpods.testing;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * A disk of this kernel for tests: a loop device over a file, shown in a made-up {@code /sys/block} and {@code /dev} under the name and
 * serial number that the test wants. Needs root.
 */
public final class LoopDisk implements AutoCloseable {

    private static final Path CONTROL = Path.of("/dev/loop-control");

    private final Path file;
    private final Path device;

    private LoopDisk(Path file, Path device) {
        this.file = file;
        this.device = device;
    }

    /** A blank disk of that size; the test is skipped, with the reason, where the kernel has no loop devices. */
    public static LoopDisk blank(Path file, long bytes) {
        Assumptions.assumeTrue(Files.exists(CONTROL), "no loop devices here: " + CONTROL + " is missing");
        try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
            made.setLength(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String device = Programs.require("losetup", "--find", "--show", file.toString());
        return new LoopDisk(file, Path.of(device.strip()));
    }

    /** The loop device, {@code /dev/loop3}. */
    public Path device() {
        return device;
    }

    /** The file that holds what is on the disk. */
    public Path file() {
        return file;
    }

    /** Major and minor number, {@code 7:3}. */
    public String number() {
        try {
            return Files.readString(Path.of("/sys/block", device.getFileName().toString(), "dev"))
                    .strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** From now on there is a disk of that name in {@code <machine>/sys/block} and {@code <machine>/dev}. */
    public LoopDisk appear(Path machine, String name, String serial) {
        try {
            Files.createSymbolicLink(
                    Files.createDirectories(machine.resolve("dev")).resolve(name), device);
            Path block = Files.createDirectories(machine.resolve("sys/block").resolve(name));
            Files.createDirectories(block.resolve("holders"));
            Files.writeString(block.resolve("serial"), serial + "\n");
            Files.writeString(block.resolve("dev"), number() + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    /** Takes the loop device away; an error where something of it is still mounted. */
    @Override
    public void close() {
        String mounts = Programs.require("cat", "/proc/self/mountinfo");
        boolean mounted = mounts.contains(" " + number() + " ");
        if (mounted) {
            Programs.run("umount", "--all-targets", "--lazy", device.toString());
        }
        Programs.require("losetup", "--detach", device.toString());
        if (mounted) {
            throw new IllegalStateException(device + " was still mounted at the end of the test");
        }
    }
}
