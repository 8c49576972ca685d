package io.peerpods.vpc.vm;

import io.peerpods.linux.Netns;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcAddresses;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the process tree of a VM: a first process in mount, UTS and PID namespaces of its own, born in the VM's network namespace, which
 * does the rest ({@link VmInit}). It is re-parented at once, so the tree outlives its creator.
 */
public final class VmBoot {

    private static final Logger LOG = LoggerFactory.getLogger(VmBoot.class);
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Map<String, String> ENVIRONMENT = Map.of(
            "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME", "/root", "LANG", "C.UTF-8");

    private final Vm vm;
    private final long net;
    private final Process parent;

    private VmBoot(Vm vm, Process parent) {
        this.vm = vm;
        this.net = inode(vm.namespace());
        this.parent = parent;
    }

    /** What tells a network namespace's processes: the inode of the namespace. */
    public static long inode(Path namespace) {
        try (Netns netns = Netns.open(namespace)) {
            return netns.identity().inode();
        }
    }

    /** Starts the machine, which waits for {@link #go}. */
    public static VmBoot start(Vm vm, VmImage image, Duration bootDelay) {
        try {
            Path directory = vm.directory();
            writeEtc(vm);
            Files.write(directory.resolve("fstab"), new VmMounts(directory, image).lines());
            Path init = directory.resolve("init");
            Files.write(init, new VmInit(vm, image, bootDelay, ENVIRONMENT).lines());
            List<String> command = new ArrayList<>();
            List<String> namespaces = new ArrayList<>(List.of("--mount", "--uts", "--pid"));
            if (image.isolated()) {
                command.addAll(VmCgroups.make(vm.name()));
                namespaces.add("--cgroup");
            }
            command.addAll(List.of("setsid", "unshare"));
            command.addAll(namespaces);
            command.addAll(
                    List.of("--fork", "--mount-proc", "--propagation", "private", "--", "/bin/sh", init.toString()));
            ProcessBuilder builder = builder(command).redirectError(ProcessBuilder.Redirect.appendTo(log(vm).toFile()));
            // Born inside: from its first moment it is found by the namespace that it is in.
            try (Netns netns = Netns.open(vm.namespace())) {
                return new VmBoot(vm, netns.<Process, IOException>run(builder::start));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("start the machine of VM " + vm.id() + "; is util-linux installed?", e);
        }
    }

    /** Waits until the machine is ready for its programs and lets it start them. */
    public void go() {
        Thread watchdog = Thread.ofVirtual().name("boot-" + vm.id()).start(this::endInTime);
        try (InputStream said = parent.getInputStream();
                OutputStream told = parent.getOutputStream()) {
            String line = new String(said.readNBytes(VmInit.READY.length()), StandardCharsets.US_ASCII);
            if (!line.equals(VmInit.READY)) {
                throw new IllegalStateException("VM " + vm.id() + " did not start: "
                        + Files.readString(log(vm)).strip());
            }
            told.write((VmInit.GO + "\n").getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UncheckedIOException("start VM " + vm.id(), e);
        } finally {
            watchdog.interrupt();
        }
    }

    private void endInTime() {
        try {
            Thread.sleep(PATIENCE);
        } catch (InterruptedException e) {
            return;
        }
        try {
            Processes.end(net);
        } catch (RuntimeException | Error e) {
            LOG.warn("VM {} did not become ready, and its processes do not end: {}", vm.id(), e.toString());
            parent.destroyForcibly(); // ends the wait for it
        }
    }

    /** A program in the running VM, in all its namespaces, its streams the caller's. Takes CAP_SYS_CHROOT too. */
    public static Process exec(Vm vm, List<String> command) {
        long init = Processes.init(inode(vm.namespace()))
                .map(Processes.Entry::pid)
                .orElseThrow(() -> new IllegalStateException("VM " + vm.id() + " does not run"));
        List<String> whole = new ArrayList<>(
                List.of("nsenter", "--target", Long.toString(init), "--mount", "--uts", "--net", "--pid", "--"));
        whole.addAll(command);
        try {
            return builder(whole).start();
        } catch (IOException e) {
            throw new UncheckedIOException("run " + command.getFirst() + " in VM " + vm.id(), e);
        }
    }

    /** With nothing of this process's own environment: it may hold the operator's secrets. */
    private static ProcessBuilder builder(List<String> command) {
        ProcessBuilder builder = new ProcessBuilder(command).directory(new File("/"));
        builder.environment().clear();
        builder.environment().putAll(ENVIRONMENT);
        return builder;
    }

    private static Path log(Vm vm) {
        return vm.directory().resolve("machine.log");
    }

    private static void writeEtc(Vm vm) throws IOException {
        Path etc = Files.createDirectories(vm.directory().resolve("etc"));
        Files.writeString(etc.resolve("hostname"), vm.hostname() + "\n");
        Files.writeString(etc.resolve("hosts"), "127.0.0.1 localhost\n127.0.1.1 " + vm.hostname() + "\n");
        Files.writeString(etc.resolve("resolv.conf"), "nameserver " + VpcAddresses.DNS.getHostAddress() + "\n");
    }
}
