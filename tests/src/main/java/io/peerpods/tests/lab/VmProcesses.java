package io.peerpods.tests.lab;

import io.peerpods.vpc.model.Vm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The processes of a pod VM, and what can be done to them from outside. */
public record VmProcesses(Vm vm) {

    /** The real kata-agent or the stand-in. */
    public ProcessHandle kataAgent() {
        return all().stream()
                .filter(pid -> command(pid).matches("(?s).*(/kata-agent\0|StandInKataAgent).*"))
                .findFirst()
                .flatMap(ProcessHandle::of)
                .orElseThrow(() -> new IllegalStateException("no kata-agent in VM " + vm.id()));
    }

    /** The machine dies without a word: no packet of it leaves any more, then every process of it is killed. */
    public void vanish() {
        new Place("VM " + vm.id(), vm.namespace()).require("ip", "link", "set", "ens5", "down");
        all().forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
    }

    private List<Long> all() {
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            String wanted = "net:[" + Files.getAttribute(vm.namespace(), "unix:ino") + "]";
            return processes
                    .map(path -> path.getFileName().toString())
                    .filter(name -> name.matches("[0-9]+"))
                    .map(Long::parseLong)
                    .filter(pid -> wanted.equals(namespace(pid)))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String namespace(long pid) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/net")).toString();
        } catch (IOException e) {
            // It has ended meanwhile.
            return "";
        }
    }

    private static String command(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/cmdline"));
        } catch (IOException e) {
            // It has ended meanwhile.
            return "";
        }
    }
}
