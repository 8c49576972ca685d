package io.peerpods.tests.whole;

import io.peerpods.testing.KernelInventory;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Distributions;
import io.peerpods.vpc.model.VpcSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A cluster for one test class, with any number of adaptors. Closing it removes everything and fails when something of it is still on
 * the machine.
 */
public final class Lab implements AutoCloseable {

    private static final AtomicInteger COUNT = new AtomicInteger();

    private final KernelInventory before;
    private final Path directory;
    private final Cluster cluster;
    private final String prefix;
    private final List<Adaptor> adaptors = new ArrayList<>();

    private Lab(VpcSpec spec) {
        this.before = KernelInventory.take();
        // Short: a socket's path has at most 107 bytes.
        this.directory = Path.of("/run", "ppl" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet());
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.cluster = Cluster.make(directory.resolve("vpc"), spec);
        this.prefix = cluster.vpc().prefix();
    }

    /** With an underlay of 1500 bytes. */
    public static Lab make() {
        return make(VpcSpec.DEFAULT.withMtu(1500));
    }

    public static Lab make(VpcSpec spec) {
        return new Lab(spec);
    }

    public Cluster cluster() {
        return cluster;
    }

    public Path directory() {
        return directory;
    }

    /** A directory of this lab that is not in use yet. */
    public Path fresh(String hint) {
        return directory.resolve(hint + COUNT.incrementAndGet());
    }

    /** An adaptor on the worker, ready. */
    public Adaptor adaptor(Adaptor.Options options) throws InterruptedException {
        return start(options).awaitReady();
    }

    /** An adaptor on the worker that may never be ready. */
    public Adaptor start(Adaptor.Options options) {
        Adaptor adaptor =
                Adaptor.start(Distributions.find().orElseThrow(), cluster, cluster.worker(), fresh("a"), options);
        adaptors.add(adaptor);
        return adaptor;
    }

    @Override
    public void close() {
        adaptors.forEach(Adaptor::close);
        cluster.close();
        remove(directory);
        List<String> left = left();
        if (!left.isEmpty()) {
            throw new AssertionError("left behind: " + left);
        }
    }

    /** Others may use this machine, and other labs this process, at the same time. */
    private List<String> left() {
        return KernelInventory.take().since(before).stream()
                .filter(this::isOurs)
                .toList();
    }

    /** What bears this VPC's prefix, a daemon that works with this lab's directory, a process in a namespace without a name. */
    private boolean isOurs(String thing) {
        if (!thing.startsWith("process ")) {
            return thing.contains(prefix);
        }
        Path process = Path.of("/proc", thing.split(" ", 3)[1]);
        try {
            String commandLine = Files.readString(process.resolve("cmdline"));
            return commandLine.contains(directory + "/") || isLost(process);
        } catch (IOException e) {
            // It has ended meanwhile.
            return false;
        }
    }

    private static boolean isLost(Path process) throws IOException {
        String own = Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
        String its = Files.readSymbolicLink(process.resolve("ns/net")).toString();
        if (its.equals(own)) {
            return false;
        }
        try (Stream<Path> named = Files.list(Path.of("/run/netns"))) {
            return named.noneMatch(file -> its.equals("net:[" + inode(file) + "]"));
        }
    }

    private static Object inode(Path file) {
        try {
            return Files.getAttribute(file, "unix:ino");
        } catch (IOException e) {
            return "gone";
        }
    }

    private static void remove(Path root) {
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("remove " + root, e);
        }
    }
}
