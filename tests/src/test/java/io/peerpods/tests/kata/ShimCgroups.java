package io.peerpods.tests.kata;

import io.peerpods.tests.lab.Until;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The cgroups that the shim makes on this machine for itself and never removes, in each hierarchy of version 1 or in the one of version 2.
 * Closing removes those that were not there before.
 */
record ShimCgroups(List<Path> before) implements AutoCloseable {

    private static final Path ROOT = Path.of("/sys/fs/cgroup");
    private static final List<String> NAMES = List.of("kata_overhead", "kata_vc", "vc");

    static ShimCgroups look() {
        return new ShimCgroups(present());
    }

    /** Each after those above it. */
    private static List<Path> present() {
        List<Path> found = new ArrayList<>();
        try (Stream<Path> hierarchies = Files.list(ROOT)) {
            List<Path> places = Stream.concat(Stream.of(ROOT), hierarchies.filter(Files::isDirectory))
                    .toList();
            for (Path place : places) {
                for (String name : NAMES) {
                    addAll(place.resolve(name), found);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("look at the cgroups in " + ROOT, e);
        }
        return found;
    }

    private static void addAll(Path cgroup, List<Path> found) throws IOException {
        if (Files.isDirectory(cgroup)) {
            try (Stream<Path> paths = Files.walk(cgroup)) {
                paths.filter(Files::isDirectory).forEach(found::add);
            }
        }
    }

    /** A killed shim leaves its groups a moment later. */
    @Override
    public void close() {
        try {
            Until.holds(
                    "the shim's cgroups are removed",
                    () -> present().stream()
                            .sorted(Comparator.reverseOrder())
                            .filter(cgroup -> !before.contains(cgroup))
                            .allMatch(ShimCgroups::isRemoved));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The files of a cgroup cannot be removed, and go with its directory. */
    private static boolean isRemoved(Path cgroup) {
        try {
            Files.deleteIfExists(cgroup);
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
