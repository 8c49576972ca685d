package io.peerpods.tests.bench;

import io.peerpods.linux.Netns;
import io.peerpods.room.Room;
import io.peerpods.room.Vm;
import io.peerpods.room.WorkerNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Looks at pod VMs from outside, as the machine room shows them. */
final class PodVms {
    private static final int AGENT_PORT = 15150;
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final Room room;
    private final WorkerNode worker;

    PodVms(Room room, WorkerNode worker) {
        this.room = room;
        this.worker = worker;
    }

    /** The VM of a sandbox, as soon as there is one. */
    Vm await(String sandbox) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            Optional<Vm> vm = room.vms().stream()
                    .filter(one -> sandbox.equals(one.tags().get("sandbox")))
                    .findFirst();
            if (vm.isPresent()) {
                return vm.get();
            }
            Thread.sleep(2);
        }
        throw new IOException("no VM of sandbox " + sandbox);
    }

    /** {@link System#nanoTime()} of the moment when the sandbox's VM first takes a connection for the agent. */
    CompletableFuture<Long> agentPortOpens(String sandbox) {
        CompletableFuture<Long> opened = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("port-" + sandbox).start(() -> {
            try {
                InetSocketAddress agent =
                        new InetSocketAddress(await(sandbox).primary().ip(), AGENT_PORT);
                try (Netns from = Netns.open(worker.namespace())) {
                    opened.complete(from.<Long, Exception>run(() -> poll(agent)));
                }
            } catch (Exception e) {
                opened.completeExceptionally(e);
            }
        });
        return opened.orTimeout(PATIENCE.toSeconds() + 10, TimeUnit.SECONDS);
    }

    private static long poll(InetSocketAddress agent) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            try (SocketChannel socket = SocketChannel.open()) {
                socket.socket().connect(agent, 5);
                return System.nanoTime();
            } catch (IOException notYet) {
                Thread.sleep(2);
            }
        }
        throw new IOException("nothing listens at " + agent);
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
