package io.peerpods.room;

import io.peerpods.linux.Netns;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Makes the process tree of a VM: a first process in mount, UTS and PID namespaces of its own, born in the VM's network namespace,
 * and the programs of the image beside it. util-linux does it ({@code unshare}, {@code nsenter}, {@code mount}, {@code setsid}), each
 * given its arguments as they are, without a shell. The tree is nobody's child for long: it outlives its creator.
 */
final class VmBoot {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private final Vm vm;
    private final long net;

    VmBoot(Vm vm, long net) {
        this.vm = vm;
        this.net = net;
    }

    /** Where its network namespace's processes are found: the inode of the namespace. */
    static long inode(Path namespace) {
        try (Netns netns = Netns.open(namespace)) {
            return netns.identity().inode();
        }
    }

    /** Starts the machine itself, with its own {@code /run}, {@code /tmp}, {@code /proc}, {@code /sys} and host name. */
    void machine(VmImage image) {
        try {
            writeEtc();
            Path mounts = vm.directory().resolve("fstab");
            Files.write(mounts, new VmMounts(vm.directory(), image).lines());
            Path log = vm.directory().resolve("machine.log");
            Process parent = first(log);
            long init = awaitFirst(parent, log);
            inside(init, List.of("/bin/mount", "-n", "-a", "-T", mounts.toString()), log);
            writeResolver(init);
            inside(init, List.of("hostname", vm.hostname()), log);
        } catch (IOException e) {
            throw new UncheckedIOException("start the machine of VM " + vm.id(), e);
        }
    }

    /** Starts the programs of the image. */
    void services(VmImage image) {
        long init = init();
        for (Service service : image.services()) {
            List<String> command = new ArrayList<>(List.of("setsid"));
            command.addAll(entering(init));
            command.addAll(service.command());
            File console = vm.console(service.name()).toFile();
            ProcessBuilder builder = builder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(console));
            builder.environment().putAll(service.environment());
            start(builder, "start " + service.name() + " in VM " + vm.id());
        }
    }

    /** A program in the VM, its streams the caller's. */
    Process exec(List<String> command) {
        List<String> whole = new ArrayList<>(entering(init()));
        whole.addAll(command);
        ProcessBuilder builder = builder(whole);
        builder.redirectInput(ProcessBuilder.Redirect.PIPE);
        return start(builder, "run " + command.getFirst() + " in VM " + vm.id());
    }

    private long init() {
        return Processes.init(net)
                .map(Processes.Entry::pid)
                .orElseThrow(() -> new IllegalStateException("VM " + vm.id() + " does not run"));
    }

    /** The first process waits for ever; with SIGCHLD ignored the kernel reaps the orphans that it inherits. */
    private Process first(Path log) {
        List<String> command = List.of(
                "setsid",
                "unshare",
                "--mount",
                "--uts",
                "--pid",
                "--fork",
                "--mount-proc",
                "--propagation",
                "private",
                "--",
                "env",
                "--ignore-signal=CHLD",
                "sleep",
                "infinity");
        ProcessBuilder builder = builder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        // Born inside: from its first moment it is found by the namespace that it is in.
        try (Netns netns = Netns.open(vm.namespace())) {
            return netns.run(() -> start(builder, "start the first process of VM " + vm.id()));
        }
    }

    private long awaitFirst(Process parent, Path log) throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < deadline) {
            Optional<Processes.Entry> init = Processes.init(net);
            if (init.isPresent() && isSettled(init.get())) {
                return init.get().pid();
            }
            if (!parent.isAlive()) {
                break;
            }
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while VM " + vm.id() + " was starting", e);
            }
        }
        throw new IllegalStateException("VM " + vm.id() + ": its first process did not start: "
                + Files.readString(log).strip());
    }

    /** Only then has {@code unshare} finished its mounts. */
    private static boolean isSettled(Processes.Entry init) {
        try {
            return init.command().equals("sleep");
        } catch (IOException e) {
            return false;
        }
    }

    private void inside(long init, List<String> command, Path log) throws IOException {
        List<String> whole = new ArrayList<>(entering(init));
        whole.addAll(command);
        Process process = start(
                builder(whole).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())),
                "run " + command.getFirst() + " in VM " + vm.id());
        try {
            if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IllegalStateException(String.join(" ", command) + " in VM " + vm.id() + " does not end");
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while VM " + vm.id() + " was starting", e);
        }
        if (process.exitValue() != 0) {
            throw new IllegalStateException(String.join(" ", command) + " in VM " + vm.id() + " ended with "
                    + process.exitValue() + ": " + Files.readString(log).strip());
        }
    }

    private static List<String> entering(long init) {
        return List.of("nsenter", "--target", Long.toString(init), "--mount", "--uts", "--net", "--pid", "--");
    }

    /** With nothing of this process's own environment: it may hold the operator's secrets. */
    private static ProcessBuilder builder(List<String> command) {
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        builder.directory(new File("/"));
        builder.environment().clear();
        builder.environment().putAll(Map.of("PATH", PATH, "HOME", "/root", "LANG", "C.UTF-8"));
        return builder;
    }

    private static Process start(ProcessBuilder builder, String what) {
        try {
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(what + "; is util-linux installed?", e);
        }
    }

    private void writeEtc() throws IOException {
        Path etc = Files.createDirectories(vm.directory().resolve("etc"));
        Files.writeString(etc.resolve("hostname"), vm.hostname() + "\n");
        Files.writeString(etc.resolve("hosts"), "127.0.0.1 localhost\n127.0.1.1 " + vm.hostname() + "\n");
        Files.writeString(etc.resolve("resolv.conf"), "nameserver " + DnsService.ADDRESS.getHostAddress() + "\n");
    }

    /** Where resolv.conf is a link into {@code /run}, its target is in the VM's own, which is empty. */
    private void writeResolver(long init) throws IOException {
        Path link = Path.of("/etc/resolv.conf");
        if (!Files.isSymbolicLink(link)) {
            return;
        }
        Path target = link.resolveSibling(Files.readSymbolicLink(link)).normalize();
        if (target.startsWith("/run")) {
            Path seen = Path.of("/proc", Long.toString(init), "root")
                    .resolve(Path.of("/").relativize(target));
            Files.createDirectories(Objects.requireNonNull(seen.getParent()));
            if (!Files.exists(seen, LinkOption.NOFOLLOW_LINKS)) {
                Files.copy(vm.directory().resolve("etc/resolv.conf"), seen);
            }
        }
    }
}
