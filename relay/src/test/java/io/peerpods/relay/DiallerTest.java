package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DiallerTest {

    private final List<Socket> fillers = new ArrayList<>();

    @AfterEach
    void closeFillers() {
        fillers.forEach(Sockets::closeQuietly);
    }

    @Test
    void aRefusedAttemptIsRepeatedUntilSomebodyListens() throws Exception {
        int port = freePort();
        CompletableFuture<SocketChannel> dialled = dial(new Dialler(local(port)));
        try (ServerSocket listener = listenAt(port);
                Socket accepted = listener.accept();
                SocketChannel socket = dialled.get(60, TimeUnit.SECONDS)) {
            assertThat(socket.isConnected()).isTrue();
            assertThat(accepted.getPort()).isEqualTo(socket.socket().getLocalPort());
        }
    }

    @Test
    void unansweredAttemptsStayOpenBesideEachOtherFourAtMost() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = listener.getLocalPort();
            fillBacklog(port);
            Dialler dialler = new Dialler(local(port));
            CompletableFuture<SocketChannel> dialled = dial(dialler);
            Eventually.until("four attempts are open", () -> unanswered(port) == Dialler.AT_ONCE);
            for (int i = 0; i < 20; i++) {
                // The kernel's table is no snapshot: one that makes room may still be seen beside its successor.
                assertThat(unanswered(port)).isLessThanOrEqualTo(Dialler.AT_ONCE + 1);
                Thread.sleep(30);
            }
            Thread.startVirtualThread(() -> acceptAll(listener));
            try (SocketChannel socket = dialled.get(60, TimeUnit.SECONDS)) {
                assertThat(socket.isConnected()).isTrue();
            }
        }
    }

    @Test
    void atTheDeadlineTheLastFailureIsTold() throws Exception {
        int port = freePort();
        assertThatThrownBy(() -> new Dialler(local(port)).dial(Duration.ofMillis(200)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("127.0.0.1:" + port)
                .hasMessageContaining("refused");
    }

    @Test
    void aCancelledDiallerEndsAtOnceAndLeavesNoAttempt() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = listener.getLocalPort();
            fillBacklog(port);
            Dialler dialler = new Dialler(local(port));
            CompletableFuture<SocketChannel> dialled = dial(dialler);
            Eventually.until("an attempt is open", () -> unanswered(port) > 0);
            dialler.cancel();
            assertThatThrownBy(() -> dialled.get(60, TimeUnit.SECONDS)).hasMessageContaining("given up");
            Eventually.until("no attempt is left", () -> unanswered(port) == 0);
        }
    }

    private static CompletableFuture<SocketChannel> dial(Dialler dialler) {
        CompletableFuture<SocketChannel> dialled = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                dialled.complete(dialler.dial(Duration.ofMinutes(2)));
            } catch (IOException | InterruptedException e) {
                dialled.completeExceptionally(e);
            }
        });
        return dialled;
    }

    /** A listener that does not accept answers no SYN once its queue is full. */
    private void fillBacklog(int port) throws IOException, InterruptedException {
        for (int i = 0; i < 8; i++) {
            Socket filler = new Socket();
            fillers.add(filler);
            try {
                filler.connect(local(port), 300);
            } catch (SocketTimeoutException full) {
                filler.close();
                Eventually.until("the refused filler is gone", () -> unanswered(port) == 0);
                return;
            }
        }
        throw new AssertionError("the backlog never filled");
    }

    private static void acceptAll(ServerSocket listener) {
        try {
            while (true) {
                listener.accept().close();
            }
        } catch (IOException closed) {
            // The test is over.
        }
    }

    /** Sockets in state SYN_SENT towards the port. */
    private static int unanswered(int port) {
        String remote = String.format(":%04X", port);
        try {
            int count = 0;
            for (String table : List.of("/proc/self/net/tcp", "/proc/self/net/tcp6")) {
                if (Files.exists(Path.of(table))) {
                    count += (int) Files.readAllLines(Path.of(table)).stream()
                            .map(line -> line.strip().split("\\s+"))
                            .filter(fields -> fields[2].endsWith(remote) && fields[3].equals("02"))
                            .count();
                }
            }
            return count;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static InetSocketAddress local(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static ServerSocket listenAt(int port) throws IOException {
        ServerSocket listener = new ServerSocket();
        listener.setReuseAddress(true);
        listener.bind(local(port), 16);
        return listener;
    }
}
