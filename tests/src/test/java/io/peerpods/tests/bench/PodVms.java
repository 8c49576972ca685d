package io.peerpods.tests.bench;

import io.peerpods.linux.Netns;
import io.peerpods.vpc.LocalVpc;
import io.peerpods.vpc.model.Vm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Looks at pod VMs from outside, as the local VPC shows them. */
final class PodVms {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final LocalVpc vpc;

    PodVms(LocalVpc vpc) {
        this.vpc = vpc;
    }

    /** The VM of a sandbox, as soon as there is one. */
    Vm await(String sandbox) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            Optional<Vm> vm = vpc.vms().stream()
                    .filter(one -> sandbox.equals(one.tags().get("sandbox")))
                    .findFirst();
            if (vm.isPresent()) {
                return vm.get();
            }
            Thread.sleep(2);
        }
        throw new IOException("no VM of sandbox " + sandbox);
    }

    /**
     * {@link System#nanoTime()} of the moment when the agent of the sandbox's VM says that it listens, to 1 ms. Read off its console: a connection
     * would be the first that the agent has to deal with, and the kernel's table of sockets takes a processor to read so often.
     */
    CompletableFuture<Long> agentPortOpens(String sandbox) {
        CompletableFuture<Long> opened = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("port-" + sandbox).start(() -> {
            try {
                opened.complete(awaitListener(await(sandbox).console("podvm-agent")));
            } catch (Exception e) {
                opened.completeExceptionally(e);
            }
        });
        return opened.orTimeout(PATIENCE.toSeconds() + 10, TimeUnit.SECONDS);
    }

    private static long awaitListener(Path console) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            if (Files.exists(console) && Files.readString(console).contains("listening on")) {
                return System.nanoTime();
            }
            Thread.sleep(1);
        }
        throw new IOException(console + " does not say that the agent listens");
    }

    /** The process of that main class in the VM. */
    ProcessHandle process(Vm vm, String mainClass) throws IOException {
        long inode;
        try (Netns netns = Netns.open(vm.namespace())) {
            inode = netns.identity().inode();
        }
        String mark = "net:[" + inode + "]";
        return ProcessHandle.allProcesses()
                .filter(one -> one.info()
                        .arguments()
                        .map(all -> String.join(" ", all).contains(mainClass))
                        .orElse(false))
                .filter(one -> mark.equals(namespace(one.pid())))
                .findFirst()
                .orElseThrow(() -> new IOException("no " + mainClass + " in VM " + vm.id()));
    }

    private static String namespace(long pid) {
        try {
            return Files.readSymbolicLink(Path.of("/proc", Long.toString(pid), "ns/net"))
                    .toString();
        } catch (IOException ended) {
            return "";
        }
    }
}
