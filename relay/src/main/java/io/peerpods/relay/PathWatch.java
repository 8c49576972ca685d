package io.peerpods.relay;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.TcpConnections;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices within ten seconds that the other side of a connection is silent for good, although no packet says so: a VM that was killed,
 * a path that is cut. TCP alone takes minutes for it. Keep-alive makes the other kernel give a sign of life each second on an idle
 * connection, and this kernel tells how long ago the last one came. So it does not matter whether the other programs are busy.
 *
 * <p>One platform thread for all connections of a process, because it calls native code. Thread-safe.
 */
final class PathWatch implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(PathWatch.class);

    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);
    private static final int SIGN_SECONDS = 1;

    /** Where this kernel does not tell of the silence, it ends the connection itself after this many unanswered probes. */
    private static final int PROBES = 20;

    private final Set<WatchedPath> paths = ConcurrentHashMap.newKeySet();
    private final Rarely complaints = new Rarely(Duration.ofMinutes(10));
    private @Nullable Thread thread;
    private volatile boolean closed;

    /**
     * Watches a connection until it ends.
     *
     * @param socket of the connection, over TCP
     * @throws IOException when the socket is closed already
     */
    void watch(Upstream upstream, SocketChannel socket, PeerState state) throws IOException {
        socket.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, SIGN_SECONDS);
        socket.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, SIGN_SECONDS);
        socket.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, PROBES);
        paths.add(new WatchedPath(
                upstream,
                (InetSocketAddress) socket.getLocalAddress(),
                (InetSocketAddress) socket.getRemoteAddress(),
                state));
        begin();
    }

    private synchronized void begin() {
        if (thread == null && !closed) {
            thread = Thread.ofPlatform().daemon().name("path-watch").start(this::run);
        }
    }

    private void run() {
        while (!closed) {
            try (TcpConnections connections = TcpConnections.open()) {
                while (!closed) {
                    Thread.sleep(BETWEEN_LOOKS);
                    paths.removeIf(path -> !path.isOpen());
                    if (!lookAtAll(connections)) {
                        break; // with a fresh socket
                    }
                }
            } catch (InterruptedException e) {
                LOG.debug("interrupted; only closing ends it");
            } catch (RuntimeException | Error e) {
                complain(e);
                pause();
            }
        }
    }

    /** False when the kernel did not answer for one of them. */
    private boolean lookAtAll(TcpConnections connections) {
        boolean good = true;
        for (WatchedPath path : paths) {
            try {
                look(path, connections);
            } catch (RuntimeException | Error e) {
                complain(e);
                good = false;
            }
        }
        return good;
    }

    private void look(WatchedPath path, TcpConnections connections) {
        Optional<Duration> silence = path.silence(connections);
        if (silence.isPresent()) {
            path.judge(silence.get(), () -> path.silence(connections));
        } else if (path.isOpen()) {
            complain(new IOException("the kernel does not know the connection: is its module tcp_diag missing?"));
        }
    }

    private void complain(Throwable failure) {
        complaints.run(left -> LOG.warn(
                "silent VMs are noticed after {} s only, because the kernel cannot be asked how long they are silent{}: {}",
                SIGN_SECONDS * (1 + PROBES),
                left,
                failure instanceof LinuxException || failure instanceof IOException
                        ? Sockets.reason(failure)
                        : failure.toString()));
    }

    private static void pause() {
        try {
            Thread.sleep(BETWEEN_LOOKS);
        } catch (InterruptedException e) {
            LOG.debug("interrupted; only closing ends it");
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (thread != null) {
            thread.interrupt();
        }
    }
}
