package io.peerpods.vpc.vm;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * The mounts of a VM as an fstab: own {@code /run} and {@code /tmp}, its own files in {@code /etc}, and, at their usual paths, the
 * files of its programs that the first two would hide.
 */
public final class VmMounts {

    private static final List<Path> HIDDEN = List.of(Path.of("/run"), Path.of("/tmp"));

    /** Where hidden directories wait until the file systems that hide them are mounted; the VM's own sysfs covers it at last. */
    static final String STAGE = "/sys";

    private final Path directory;
    private final VmImage image;

    public VmMounts(Path directory, VmImage image) {
        this.directory = directory;
        this.image = image;
    }

    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add("vpc-stage " + STAGE + " tmpfs mode=0700 0 0");
        List<Path> staged = new ArrayList<>(hiddenDirectories());
        String etc = STAGE + "/etc";
        lines.add(bind(directory.resolve("etc").toString(), etc));
        for (int i = 0; i < staged.size(); i++) {
            lines.add(bind(staged.get(i).toString(), STAGE + "/" + i));
        }
        lines.add("vpc-run /run tmpfs mode=0755,nosuid,nodev 0 0");
        lines.add("vpc-tmp /tmp tmpfs mode=1777,nosuid,nodev 0 0");
        for (int i = 0; i < staged.size(); i++) {
            lines.add(bind(STAGE + "/" + i, staged.get(i).toString()));
        }
        for (String name : List.of("hostname", "hosts", "resolv.conf")) {
            Path file = Path.of("/etc", name);
            if (Files.isRegularFile(file) && !Files.isSymbolicLink(file)) {
                lines.add(escape(etc + "/" + name) + " " + file + " none bind 0 0");
            }
        }
        return lines;
    }

    /** Directories below the hidden ones, none of them below another one of the list. */
    private Set<Path> hiddenDirectories() {
        TreeSet<Path> wanted = new TreeSet<>();
        image.run().stream()
                .filter(directory -> HIDDEN.stream().anyMatch(directory::startsWith))
                .forEach(wanted::add);
        for (VmService service : image.services()) {
            for (Path file : service.files()) {
                Path directoryOfFile = Files.isDirectory(file) ? file : Objects.requireNonNull(file.getParent());
                if (HIDDEN.stream().anyMatch(directoryOfFile::startsWith)) {
                    wanted.add(directoryOfFile);
                }
            }
        }
        TreeSet<Path> outermost = new TreeSet<>();
        for (Path path : wanted) {
            if (wanted.stream().noneMatch(other -> !other.equals(path) && path.startsWith(other))) {
                outermost.add(path);
            }
        }
        return outermost;
    }

    private static String bind(String from, String to) {
        return escape(from) + " " + escape(to) + " none bind,x-mount.mkdir 0 0";
    }

    /** As fstab(5) wants it. */
    private static String escape(String path) {
        return path.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011");
    }
}
