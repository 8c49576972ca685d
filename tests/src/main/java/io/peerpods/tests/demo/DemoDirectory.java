package io.peerpods.tests.demo;

import io.peerpods.ec2.faults.MotoServer;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.vpc.LocalVpc;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The demo's directory. Everything the demo makes is written down there first, so that the next run removes what a killed one left.
 */
final class DemoDirectory implements AutoCloseable {

    private static final Path DIRECTORY = Path.of("/run/peerpods-demo");

    private final FileChannel channel;

    private DemoDirectory(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Takes the directory.
     *
     * @throws IllegalStateException when another demo runs
     */
    static DemoDirectory take() throws IOException {
        Files.createDirectories(DIRECTORY);
        FileChannel channel =
                FileChannel.open(DIRECTORY.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
            channel.close();
            throw new IllegalStateException("another demo is running on this machine; one at a time");
        }
        return new DemoDirectory(channel);
    }

    Path emulator() throws IOException {
        return Files.createDirectories(DIRECTORY.resolve("a-ec2"));
    }

    Path vpc(int number) {
        return DIRECTORY.resolve("vpc" + number);
    }

    Path adaptor(int number) {
        return DIRECTORY.resolve("a" + number);
    }

    /** Notes a process that must not outlive the demo. */
    void note(long pid) throws IOException {
        Files.createFile(DIRECTORY.resolve("pid-" + pid));
    }

    /** Removes what an earlier run left; says what that was. */
    List<String> clear() throws IOException {
        List<String> removed = new ArrayList<>();
        for (Path file : children("pid-")) {
            long pid = Long.parseLong(name(file).substring("pid-".length()));
            if (isOurs(pid)) {
                ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
                removed.add("process " + pid);
            }
            Files.delete(file);
        }
        for (Path vpc : children("vpc")) {
            removed.addAll(LocalVpc.cleanup(vpc));
        }
        for (Path adaptor : children("a")) {
            remove(adaptor);
        }
        return removed;
    }

    /** What is left of this demo on the machine, once it has ended. */
    static List<String> left(List<String> prefixes) throws IOException {
        List<String> left = new ArrayList<>();
        prefixes.forEach(
                prefix -> LeftoverReport.namespaces(prefix + "-").forEach(name -> left.add("namespace " + name)));
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            all.map(DemoDirectory::name)
                    .filter(name -> name.matches("[0-9]+"))
                    .map(Long::parseLong)
                    .filter(pid -> pid != ProcessHandle.current().pid() && isOurs(pid))
                    .forEach(pid -> left.add("process " + pid));
        }
        return left;
    }

    /** A process id may have been given to another process: only one that works with the directory is ours. */
    private static boolean isOurs(long pid) {
        try {
            return text(pid, "cmdline").contains(DIRECTORY + "/")
                    || text(pid, "environ").contains(MotoServer.IMAGES_PATH + "=" + DIRECTORY + "/");
        } catch (IOException e) {
            return false;
        }
    }

    private static String text(long pid, String file) throws IOException {
        return new String(Files.readAllBytes(Path.of("/proc", Long.toString(pid), file)), StandardCharsets.UTF_8);
    }

    private static List<Path> children(String prefix) throws IOException {
        try (Stream<Path> all = Files.list(DIRECTORY)) {
            return all.filter(path -> name(path).startsWith(prefix)).sorted().toList();
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private static String name(Path path) {
        return Objects.requireNonNull(path.getFileName()).toString();
    }

    private static void remove(Path root) {
        if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("remove " + root, e);
        }
    }

    /** Clears and removes the directory. */
    @Override
    public void close() throws IOException {
        // The way out must not be cut short by the interrupt that led to it.
        boolean interrupted = Thread.interrupted();
        clear();
        remove(DIRECTORY);
        channel.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
