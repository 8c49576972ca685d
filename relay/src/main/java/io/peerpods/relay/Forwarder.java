package io.peerpods.relay;

import io.grpc.Status;
import io.grpc.StatusException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod VM's half of the agent path: accepts the worker's connections and forwards what comes to kata-agent, on a connection to
 * it for each of them. Connections, and those that have not finished their handshake in particular, are bounded. Thread-safe.
 */
public final class Forwarder implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Forwarder.class);

    private static final int BACKLOG = 128;
    private static final int MAX_CONNECTIONS = 256;
    private static final int MAX_HANDSHAKES = 32;
    private static final Duration HANDSHAKE = Duration.ofSeconds(10);
    private static final Duration AGENT_RETRY = Duration.ofMillis(25);

    private final ForwarderOptions options;
    private final ServerSocket listener;
    private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final Semaphore handshakes = new Semaphore(MAX_HANDSHAKES);
    private volatile boolean closed;

    private Forwarder(ForwarderOptions options, ServerSocket listener) {
        this.options = options;
        this.listener = listener;
    }

    /**
     * Listens; calls are forwarded from then on.
     *
     * @throws IOException when the address cannot be had; the text names it and the reason
     */
    public static Forwarder listen(ForwarderOptions options) throws IOException {
        ServerSocket listener = new ServerSocket();
        try {
            listener.setReuseAddress(true);
            listener.bind(options.listen(), BACKLOG);
        } catch (IOException e) {
            Wire.closeQuietly(listener);
            throw new IOException(
                    "cannot listen on " + Dialler.text(options.listen()) + ": " + Upstream.reason(e)
                            + " (is another program using the port?)",
                    e);
        }
        Forwarder forwarder = new Forwarder(options, listener);
        Thread.ofVirtual().name("forwarder").start(forwarder::accept);
        return forwarder;
    }

    /** Where it listens: the port that was given to it when port 0 was asked for. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.getLocalSocketAddress();
    }

    /** Hangs up on everyone. A second call does nothing. */
    @Override
    public void close() {
        closed = true;
        Wire.closeQuietly(listener);
        sockets.forEach(Wire::closeQuietly);
        sessions.forEach(Session::close);
    }

    private void accept() {
        while (!closed) {
            try {
                Socket socket = listener.accept();
                if (sockets.size() >= MAX_CONNECTIONS || !handshakes.tryAcquire()) {
                    LOG.warn("too many connections at once: hanging up on {}", socket.getRemoteSocketAddress());
                    Wire.closeQuietly(socket);
                    continue;
                }
                sockets.add(socket);
                Thread.ofVirtual().name("worker-connection").start(() -> serve(socket));
            } catch (IOException e) {
                if (!closed) {
                    LOG.error("a connection could not be accepted", e);
                    pause(AGENT_RETRY); // out of descriptors, perhaps: not in a tight loop
                }
            }
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            Wire wire = greet(socket);
            Session session = new Session(wire, this::agent, options.edits(), options.refusal());
            sessions.add(session);
            try {
                if (closed) {
                    session.close();
                }
                session.run();
            } finally {
                sessions.remove(session);
            }
        } catch (IOException e) {
            LOG.info("no connection with {}: {}", socket.getRemoteSocketAddress(), Upstream.reason(e));
        } finally {
            sockets.remove(socket);
        }
    }

    private Wire greet(Socket socket) throws IOException {
        try {
            return options.transport().over(socket, HANDSHAKE);
        } finally {
            handshakes.release();
        }
    }

    private Upstream agent(Duration limit) throws StatusException {
        Duration patience = limit.compareTo(options.agentPatience()) < 0 ? limit : options.agentPatience();
        long end = System.nanoTime() + patience.toNanos();
        String name = "kata-agent (" + options.agentSocket() + ")";
        while (!closed) {
            try {
                return Upstream.start(Wire.of(UnixSockets.connect(options.agentSocket())), name);
            } catch (IOException e) {
                if (System.nanoTime() - end >= 0) {
                    throw Status.UNAVAILABLE
                            .withDescription(name + " has not answered for " + patience.toMillis() + " ms: "
                                    + Upstream.reason(e))
                            .asException();
                }
                pause(AGENT_RETRY);
            }
        }
        throw Status.UNAVAILABLE.withDescription("podvm-agent is stopping").asException();
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
