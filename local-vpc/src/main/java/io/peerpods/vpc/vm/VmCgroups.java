package io.peerpods.vpc.vm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The cgroups of VMs on this machine: one for each VM in each hierarchy, of which a cgroup namespace makes the root that the VM sees. What
 * the VM makes is below it and goes with it.
 */
public final class VmCgroups {

    private static final Path ROOT = Path.of("/sys/fs/cgroup");

    /** Joins the groups up to a lone dash and becomes the command. */
    private static final String JOIN =
            "while [ \"$1\" != - ]; do echo $$ > \"$1/cgroup.procs\" || exit 1; shift; done; shift; exec \"$@\"";

    private VmCgroups() {}

    /**
     * A mounted hierarchy.
     *
     * @param options what mounts it again, for version 1: its controllers or its name
     */
    private record Hierarchy(Path mount, String type, String options) {

        /** Of a line of {@code /proc/self/mountinfo}, see proc_pid_mountinfo(5). */
        static Stream<Hierarchy> of(String line) {
            String[] halves = line.split(" - ", 2);
            String[] first = halves[0].split(" ", -1);
            String[] last = halves[1].split(" ", -1);
            Path mount = Path.of(first[4]);
            if (!last[0].startsWith("cgroup") || !mount.startsWith(ROOT)) {
                return Stream.empty();
            }
            String options = Arrays.stream(last[2].split(",", -1))
                    .filter(option ->
                            !List.of("rw", "ro", "xattr", "clone_children").contains(option))
                    .filter(option -> !option.startsWith("release_agent="))
                    .map(option -> option.startsWith("name=") ? "none," + option : option)
                    .collect(Collectors.joining(","));
            return Stream.of(new Hierarchy(mount, last[0], options));
        }

        Path group(String name) {
            return mount.resolve(name);
        }

        String mountLine() {
            String by = type.equals("cgroup") ? " -o " + VmInit.quoted(options) : "";
            String place = VmInit.quoted(mount.toString());
            String made = mount.equals(ROOT) ? "" : "mkdir -p " + place + " && ";
            return made + "mount -n -t " + type + by + " vpc-cgroup " + place;
        }
    }

    private static List<Hierarchy> hierarchies() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
            return lines.flatMap(Hierarchy::of).distinct().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("read the mounted cgroup hierarchies", e);
        }
    }

    /** Makes the groups of that name; the command that comes back runs another one in them. */
    static List<String> make(String name) {
        List<Path> groups =
                hierarchies().stream().map(hierarchy -> make(hierarchy, name)).toList();
        return Stream.of(
                        Stream.of("/bin/sh", "-c", JOIN, "join"),
                        groups.stream().map(Path::toString),
                        Stream.of("-"))
                .flatMap(part -> part)
                .toList();
    }

    private static Path make(Hierarchy hierarchy, String name) {
        Path group = hierarchy.group(name);
        try {
            Files.createDirectories(group);
            for (String file : List.of("cpuset.cpus", "cpuset.mems")) {
                // A group of version 1 without processors and memory takes no process.
                if (hierarchy.type().equals("cgroup") && Files.exists(group.resolve(file))) {
                    Files.writeString(group.resolve(file), Files.readString(hierarchy.group(file)));
                }
            }
            return group;
        } catch (IOException e) {
            throw new UncheckedIOException("make the cgroup " + group, e);
        }
    }

    /** Lines of a shell's script that mount the hierarchies, for a process in the groups and in a cgroup namespace of its own. */
    static List<String> mountLines() {
        List<Hierarchy> all = hierarchies();
        Stream<String> base =
                all.stream().anyMatch(hierarchy -> hierarchy.mount().equals(ROOT))
                        ? Stream.empty()
                        : Stream.of("mount -n -t tmpfs -o mode=0755,nosuid,nodev,noexec vpc-cgroups " + ROOT);
        return Stream.concat(base, all.stream().map(Hierarchy::mountLine)).toList();
    }

    /** Removes the groups of that name with all below; their processes have ended. */
    public static void remove(String name) {
        for (Hierarchy hierarchy : hierarchies()) {
            Path group = hierarchy.group(name);
            if (Files.isDirectory(group)) {
                remove(group);
            }
        }
    }

    /** The files of a cgroup cannot be removed, and go with its directory. */
    private static void remove(Path group) {
        try (Stream<Path> below = Files.walk(group)) {
            for (Path directory : below.filter(Files::isDirectory)
                    .sorted(Comparator.reverseOrder())
                    .toList()) {
                Files.deleteIfExists(directory);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("remove the cgroup " + group, e);
        }
    }
}
