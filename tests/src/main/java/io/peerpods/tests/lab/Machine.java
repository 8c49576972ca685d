package io.peerpods.tests.lab;

import io.peerpods.vpc.model.Vm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The processes of a pod VM, seen from outside.
 *
 * @param first the process id, here, of one that lives as long as the VM
 */
public record Machine(long first) {

    /** A running VM: known by the network namespace of its processes. */
    public static Machine of(Vm vm) {
        return processes(vm.namespace()).stream()
                .filter(pid -> Files.exists(Path.of("/proc", Long.toString(pid), "root")))
                .min(Long::compare)
                .map(Machine::new)
                .orElseThrow(() -> new IllegalStateException("VM " + vm.id() + " has no process"));
    }

    /** A file of the VM. */
    public Path file(String path) {
        return Path.of("/proc", Long.toString(first), "root" + path);
    }

    /** Every process whose network namespace that is. */
    static List<Long> processes(Path namespace) {
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            String wanted = "net:[" + Files.getAttribute(namespace, "unix:ino") + "]";
            return all.filter(path -> path.getFileName().toString().matches("[0-9]+"))
                    .filter(path -> isIn(path, wanted))
                    .map(path -> Long.parseLong(path.getFileName().toString()))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isIn(Path process, String namespace) {
        try {
            return Files.readSymbolicLink(process.resolve("ns/net")).toString().equals(namespace);
        } catch (IOException e) {
            // It has ended meanwhile.
            return false;
        }
    }
}
