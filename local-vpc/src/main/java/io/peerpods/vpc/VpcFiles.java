package io.peerpods.vpc;

import com.google.gson.JsonParseException;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.model.WorkerNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * The files of a VPC: what was made is written here before it is made, so that any process can remove it all by the directory.
 * Several processes may use the directory at the same time; {@link #locked} keeps them apart.
 */
final class VpcFiles {

    private static final String SPEC = "room.json";
    private static final String BUILT = "built.json";

    private final Path directory;
    private final ReentrantLock threads = new ReentrantLock();

    VpcFiles(Path directory) {
        this.directory = directory.toAbsolutePath().normalize();
    }

    /** The VPC itself. {@code prefix} begins the name of everything that it makes in the kernel. */
    record Identity(String prefix, String metadataKey, VpcSpec spec) {}

    /** A piece of work that may fail on a file. */
    @FunctionalInterface
    interface Work<T> {
        T run() throws IOException;
    }

    Path directory() {
        return directory;
    }

    void createDirectories() {
        try {
            for (Path path : List.of(directory, vms(), nodes(), pods())) {
                Files.createDirectories(
                        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("make the VPC's directory " + directory, e);
        }
    }

    /** Runs the work while no other thread or process does such work on the same directory. */
    <T> T locked(Work<T> work) {
        threads.lock();
        try (FileChannel channel = FileChannel.open(
                        directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = lock(channel)) {
            Objects.requireNonNull(lock);
            return work.run();
        } catch (IOException e) {
            throw new UncheckedIOException("use the VPC's directory " + directory, e);
        } finally {
            threads.unlock();
        }
    }

    /** The JVM refuses, rather than waits, when another VPC object of its own holds the lock. */
    private static FileLock lock(FileChannel channel) throws IOException {
        while (true) {
            try {
                return channel.lock();
            } catch (OverlappingFileLockException e) {
                try {
                    Thread.sleep(2);
                } catch (InterruptedException interrupt) {
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted while waiting for the VPC's lock", interrupt);
                }
            }
        }
    }

    Optional<Identity> identity() {
        return read(directory.resolve(SPEC), Identity.class);
    }

    void write(Identity identity) {
        write(directory.resolve(SPEC), VpcJson.GSON.toJson(identity));
    }

    /** The namespaces of the VPC that was completed last; a machine that was booted since then has others, or none. */
    List<String> built() {
        return read(directory.resolve(BUILT), String[].class).map(List::of).orElse(List.of());
    }

    void writeBuilt(List<String> identities) {
        write(directory.resolve(BUILT), VpcJson.GSON.toJson(identities));
    }

    Path vmDirectory(String id) {
        return vms().resolve(id);
    }

    Optional<Vm> vm(String id) {
        return read(vmDirectory(id).resolve("vm.json"), Vm.class);
    }

    List<Vm> allVms() {
        return list(vms())
                .map(path -> vm(path.getFileName().toString()))
                .flatMap(Optional::stream)
                .toList();
    }

    void write(Vm vm) {
        Path own = vmDirectory(vm.id());
        try {
            Files.createDirectories(
                    own, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw new UncheckedIOException("make " + own, e);
        }
        write(own.resolve("vm.json"), VpcJson.GSON.toJson(vm));
    }

    void removeVm(String id) {
        removeTree(vmDirectory(id));
    }

    List<WorkerNode> allNodes() {
        return all(nodes(), WorkerNode.class);
    }

    Optional<WorkerNode> node(String name) {
        return read(nodes().resolve(name + ".json"), WorkerNode.class);
    }

    void write(WorkerNode node) {
        write(nodes().resolve(node.name() + ".json"), VpcJson.GSON.toJson(node));
    }

    List<ClusterPod> allPods() {
        return all(pods(), ClusterPod.class);
    }

    Optional<ClusterPod> pod(String name) {
        return read(pods().resolve(name + ".json"), ClusterPod.class);
    }

    void write(ClusterPod pod) {
        write(pods().resolve(pod.name() + ".json"), VpcJson.GSON.toJson(pod));
    }

    void removePod(String name) {
        removeTree(pods().resolve(name + ".json"));
    }

    /** The last step of a clean-up: after it nothing tells that there was a VPC. Files of others stay. */
    void removeEverything() {
        for (Path path : List.of(
                vms(), nodes(), pods(), directory.resolve(BUILT), directory.resolve(SPEC), directory.resolve("lock"))) {
            removeTree(path);
        }
        try {
            Files.deleteIfExists(directory);
        } catch (DirectoryNotEmptyException e) {
            // files of other programs
            return;
        } catch (IOException e) {
            throw new UncheckedIOException("remove " + directory, e);
        }
    }

    private Path vms() {
        return directory.resolve("vms");
    }

    private Path nodes() {
        return directory.resolve("nodes");
    }

    private Path pods() {
        return directory.resolve("pods");
    }

    private static <T> List<T> all(Path where, Class<T> type) {
        return list(where)
                .filter(path -> path.getFileName().toString().endsWith(".json"))
                .map(path -> read(path, type))
                .flatMap(Optional::stream)
                .toList();
    }

    private static Stream<Path> list(Path where) {
        try (Stream<Path> paths = Files.list(where)) {
            return paths.sorted().toList().stream();
        } catch (NoSuchFileException e) {
            return Stream.empty();
        } catch (IOException e) {
            throw new UncheckedIOException("list " + where, e);
        }
    }

    private static <T> Optional<T> read(Path file, Class<T> type) {
        try {
            return Optional.ofNullable(VpcJson.GSON.fromJson(Files.readString(file), type));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException("read " + file, e);
        } catch (JsonParseException e) {
            throw new IllegalStateException("not a file of a VPC: " + file, e);
        }
    }

    /** Whole or not at all, and on disk when this returns. */
    private static void write(Path file, String text) {
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel out = FileChannel.open(
                fresh,
                java.util.Set.of(
                        StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
            out.force(true);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            syncDirectory(file);
        } catch (IOException e) {
            throw new UncheckedIOException("write " + file, e);
        }
    }

    private static void syncDirectory(Path file) throws IOException {
        Path parent = Objects.requireNonNull(file.getParent());
        try (FileChannel channel = FileChannel.open(parent, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void removeTree(Path root) {
        if (!Files.exists(root)) {
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
}
