package io.peerpods.agent.volumes;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** What is mounted in the mount namespace of this process (proc_pid_mountinfo(5)). */
final class MountTable {

    private static final Path FILE = Path.of("/proc/self/mountinfo");
    private static final int DEVICE = 2;
    private static final int MOUNT_POINT = 4;
    private static final int FIRST_OPTIONAL = 6;

    private final List<Mounted> mounts;

    /**
     * One mount.
     *
     * @param device major and minor number, {@code 259:1}
     * @param at where, each of its bytes a character: no other process's mount point has to be a path that this one can name
     * @param source what was mounted, {@code /dev/nvme1n1}
     */
    record Mounted(String device, String at, String source) {
        /** Its last element. */
        String name() {
            return at.substring(at.lastIndexOf('/') + 1);
        }
    }

    private MountTable(List<Mounted> mounts) {
        this.mounts = mounts;
    }

    static MountTable read() throws VolumeException {
        try {
            return of(Files.readAllLines(FILE, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw new VolumeException(FILE + " cannot be read: " + e, e);
        }
    }

    static MountTable of(List<String> lines) {
        List<Mounted> mounts = new ArrayList<>();
        for (String line : lines) {
            List<String> fields = Arrays.asList(line.split(" ", -1));
            if (fields.size() <= FIRST_OPTIONAL) {
                continue;
            }
            int separator = fields.subList(FIRST_OPTIONAL, fields.size()).indexOf("-") + FIRST_OPTIONAL;
            if (separator >= FIRST_OPTIONAL && separator + 2 < fields.size()) {
                mounts.add(new Mounted(
                        fields.get(DEVICE), unescaped(fields.get(MOUNT_POINT)), unescaped(fields.get(separator + 2))));
            }
        }
        return new MountTable(mounts);
    }

    /** What is on top at this place. */
    Optional<Mounted> at(Path place) {
        return mounts.reversed().stream()
                .filter(mounted -> mounted.at().equals(place.toString()))
                .findFirst();
    }

    Optional<Mounted> ofDevice(String number) {
        return mounts.stream()
                .filter(mounted -> mounted.device().equals(number))
                .findFirst();
    }

    /** What is mounted right in this directory, the latest first. */
    List<Mounted> in(Path directory) {
        String start = directory + "/";
        return mounts.reversed().stream()
                .filter(mounted -> mounted.at().equals(start + mounted.name()))
                .toList();
    }

    /** The kernel writes space, tab, newline and backslash as a backslash and three octal digits. */
    private static String unescaped(String field) {
        if (field.indexOf('\\') < 0) {
            return field;
        }
        return field.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }
}
