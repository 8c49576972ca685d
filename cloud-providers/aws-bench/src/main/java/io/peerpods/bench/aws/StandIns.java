package io.peerpods.bench.aws;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** In the place of VMs: a listening port each, from the moment on at which the VM would have booted. */
final class StandIns implements AutoCloseable {

    private final Duration boot;
    private final Map<String, CompletableFuture<ServerSocket>> ports = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    StandIns(Duration boot) {
        this.boot = boot;
    }

    /** The instance begins to boot. */
    void launched(String instance) {
        CompletableFuture<ServerSocket> port = port(instance);
        threads.execute(() -> {
            try {
                Thread.sleep(boot);
                port.complete(new ServerSocket(0, 16, InetAddress.getLoopbackAddress()));
            } catch (IOException | InterruptedException e) {
                port.completeExceptionally(e);
            }
        });
    }

    private CompletableFuture<ServerSocket> port(String instance) {
        return ports.computeIfAbsent(instance, key -> new CompletableFuture<>());
    }

    boolean isOpen(String instance) {
        return port(instance).isDone();
    }

    /** Waits until the port is open and connects to it. */
    void connect(String instance) throws Exception {
        ServerSocket server = port(instance).get();
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(server.getInetAddress(), server.getLocalPort()));
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        for (CompletableFuture<ServerSocket> port : ports.values()) {
            if (port.isDone() && !port.isCompletedExceptionally()) {
                try {
                    port.join().close();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }
}
