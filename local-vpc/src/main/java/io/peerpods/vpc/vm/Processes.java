package io.peerpods.vpc.vm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Processes by the namespaces that they are in, as {@code /proc} shows them: what finds a VM's processes without having written down
 * any process number, which a crash could lose and the kernel could reuse.
 */
public final class Processes {

    private static final Path PROC = Path.of("/proc");
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private Processes() {}

    /**
     * A living process.
     *
     * @param net inode of its network namespace
     * @param pids inode of its PID namespace
     */
    public record Entry(long pid, long net, long pids) {

        /** Whether it is the first of its PID namespace; one that has ended meanwhile is not. */
        boolean isFirst() {
            try {
                return innerPid() == 1;
            } catch (IOException e) {
                return false;
            }
        }

        private long innerPid() throws IOException {
            String line = Files.readAllLines(PROC.resolve(pid + "/status")).stream()
                    .filter(text -> text.startsWith("NSpid:"))
                    .findFirst()
                    .orElse("NSpid: " + pid);
            return Long.parseLong(line.substring(Math.max(line.lastIndexOf('\t'), line.lastIndexOf(' ')) + 1));
        }
    }

    /** The first process of the PID namespace that was made in this network namespace, when there is one. */
    public static Optional<Entry> init(long net) {
        long own = own().pids();
        return in(net, Set.of()).stream()
                .filter(entry -> entry.pids() != own && entry.isFirst())
                .findFirst();
    }

    /**
     * Kills every process in this network namespace, and with them every PID namespace of theirs, and waits until they are gone.
     *
     * @throws IllegalStateException when one is still there after half a minute; the message names it
     */
    public static void end(long net) {
        long own = own().pids();
        Set<Long> pidNamespaces = new HashSet<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        boolean interrupted = false;
        while (true) {
            List<Entry> found = in(net, pidNamespaces);
            if (found.isEmpty()) {
                break;
            }
            for (Entry entry : found) {
                if (entry.pids() != own) {
                    pidNamespaces.add(entry.pids());
                }
                ProcessHandle.of(entry.pid()).ifPresent(ProcessHandle::destroyForcibly);
            }
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("processes of a pod VM do not end: " + found);
            }
            try {
                Thread.sleep(3);
            } catch (InterruptedException e) {
                // A half-killed VM is of no use: the kill is finished, the interrupt kept for the caller.
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Those in the network namespace or in one of the PID namespaces; never this process itself. */
    private static List<Entry> in(long net, Set<Long> pidNamespaces) {
        long self = ProcessHandle.current().pid();
        try (Stream<Path> entries = Files.list(PROC)) {
            List<Entry> found = new ArrayList<>();
            entries.map(path -> path.getFileName().toString())
                    .filter(name -> Character.isDigit(name.charAt(0)))
                    .map(Processes::read)
                    .flatMap(Optional::stream)
                    .filter(entry -> entry.net() == net || pidNamespaces.contains(entry.pids()))
                    .filter(entry -> entry.pid() != self)
                    .forEach(found::add);
            return found;
        } catch (IOException e) {
            throw new UncheckedIOException("list " + PROC, e);
        }
    }

    /** Empty for one that has ended, also before its parent has waited for it. */
    private static Optional<Entry> read(String pid) {
        Path directory = PROC.resolve(pid);
        try {
            return Optional.of(
                    new Entry(Long.parseLong(pid), inode(directory.resolve("ns/net")), livePidNamespace(directory)));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static long livePidNamespace(Path directory) throws IOException {
        String stat = Files.readString(directory.resolve("stat"));
        // The state follows the command in brackets, which may itself hold brackets.
        if ("ZX".indexOf(stat.charAt(stat.lastIndexOf(')') + 2)) >= 0) {
            throw new NoSuchFileException(directory.toString());
        }
        return inode(directory.resolve("ns/pid"));
    }

    private static Entry own() {
        return read(Long.toString(ProcessHandle.current().pid()))
                .orElseThrow(() -> new IllegalStateException("cannot read " + PROC + "/self; is /proc mounted?"));
    }

    /** Of a link such as {@code net:[4026531840]}. */
    private static long inode(Path link) throws IOException {
        String target = Files.readSymbolicLink(link).toString();
        try {
            return Long.parseLong(target.substring(target.indexOf('[') + 1, target.length() - 1));
        } catch (NumberFormatException e) {
            throw new IOException("not a namespace link: " + link + " -> " + target, e);
        }
    }
}
