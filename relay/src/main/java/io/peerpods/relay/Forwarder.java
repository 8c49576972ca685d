package io.peerpods.relay;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.ttrpc.TtrpcServer;
import io.peerpods.ttrpc.io.IoThread;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod VM's half of the agent path: accepts the worker's connections and forwards what comes to kata-agent, on a connection to
 * it for each of them. Connections, and those that have not finished their handshake in particular, are bounded. Thread-safe.
 */
public final class Forwarder implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Forwarder.class);

    private static final int MAX_CONNECTIONS = 256;
    private static final int MAX_HANDSHAKES = 32;
    /** Less than half of all: one peer that never finishes leaves room for the worker. */
    private static final int MAX_HANDSHAKES_OF_ONE = 8;

    private static final Duration HANDSHAKE = Duration.ofSeconds(10);
    private static final Duration BETWEEN_LINES = Duration.ofSeconds(10);

    private final ForwarderOptions options;
    private final ServerSocketChannel listener;
    private final InetSocketAddress address;
    private final RelayThreads threads;
    private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
    private final HandshakeSlots handshakes;
    private final Rarely crowding = new Rarely(BETWEEN_LINES);
    private final Rarely failures = new Rarely(BETWEEN_LINES);
    private final AgentSocket agent;
    private final AtomicBoolean told = new AtomicBoolean();
    private final Duration handshake;
    private volatile boolean closed;

    private Forwarder(ForwarderOptions options, ServerSocketChannel listener, RelayThreads threads, Duration handshake)
            throws IOException {
        this.handshake = handshake;
        this.options = options;
        this.listener = listener;
        this.address = (InetSocketAddress) listener.getLocalAddress();
        this.threads = threads;
        this.handshakes = new HandshakeSlots(MAX_HANDSHAKES_OF_ONE, MAX_HANDSHAKES, options.worker());
        this.agent = new AgentSocket(options.agentSocket(), options.agentPatience());
    }

    /**
     * Listens; calls are forwarded from then on.
     *
     * @throws IOException when the address cannot be had; the text names it and the reason
     */
    public static Forwarder listen(ForwarderOptions options) throws IOException {
        return listen(options, HANDSHAKE);
    }

    /** @param handshake after how long a connection that has not passed its TLS handshake gives its place back */
    static Forwarder listen(ForwarderOptions options, Duration handshake) throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open();
        Forwarder forwarder;
        try {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(options.listen(), TtrpcServer.BACKLOG);
            forwarder = new Forwarder(options, listener, RelayThreads.start(1), handshake);
        } catch (IOException e) {
            Sockets.closeQuietly(listener);
            throw new IOException(
                    "cannot listen on " + Dialler.text(options.listen()) + ": " + Sockets.reason(e)
                            + " (is another program using the port?)",
                    e);
        }
        Thread.ofVirtual().name("forwarder").start(new AcceptLoop("the agent port", listener, forwarder::admit));
        return forwarder;
    }

    /** Where it listens: the port that was given to it when port 0 was asked for. */
    public InetSocketAddress address() {
        return address;
    }

    /** Hangs up on everyone. A second call does nothing. */
    @Override
    public void close() {
        closed = true;
        agent.close();
        Sockets.closeQuietly(listener);
        sessions.forEach(Session::close);
        threads.close();
    }

    private void admit(SocketChannel socket) {
        InetSocketAddress worker;
        try {
            worker = (InetSocketAddress) socket.getRemoteAddress();
        } catch (IOException gone) {
            Sockets.closeQuietly(socket);
            return;
        }
        if (sessions.size() >= MAX_CONNECTIONS || !handshakes.take(worker.getAddress())) {
            crowding.run(left -> LOG.warn("too many connections at once: hanging up on {}{}", worker, left));
            Sockets.closeQuietly(socket);
            return;
        }
        serve(socket, worker);
    }

    private void serve(SocketChannel socket, InetSocketAddress worker) {
        WorkerObserver observer = new WorkerObserver(worker.getAddress());
        try {
            IoThread io = threads.next();
            Session session = new Session(
                    io,
                    new Session.Peer(socket, worker, options.transport().engine()),
                    Upstream.LIMITS.withHandshake(handshake),
                    new ToAgent(io),
                    options.edits(),
                    options.refusal(),
                    observer);
            sessions.add(session);
            session.start();
            if (closed) {
                session.close();
            }
        } catch (RuntimeException | Error e) {
            boolean _ = observer.end();
            throw e;
        }
    }

    /** Counts a connection among the handshakes until it has passed its own. */
    private final class WorkerObserver implements Session.Observer {
        private final InetAddress peer;
        private final AtomicBoolean passed = new AtomicBoolean();

        WorkerObserver(InetAddress peer) {
            this.peer = peer;
        }

        /** Whether this was the end of it. */
        boolean end() {
            boolean ended = passed.compareAndSet(false, true);
            if (ended) {
                handshakes.release(peer);
            }
            return ended;
        }

        @Override
        public void established() {
            end();
        }

        @Override
        public void over(Session session, IOException cause) {
            sessions.remove(session);
            if (end()) {
                failures.run(left -> LOG.info("no connection with {}: {}{}", peer, Sockets.reason(cause), left));
            }
        }
    }

    /** The connections to kata-agent of sessions on one I/O thread. */
    private final class ToAgent implements Upstreams {
        private final IoThread io;

        ToAgent(IoThread io) {
            this.io = io;
        }

        @Override
        public Upstream take(Duration limit) throws StatusException {
            try {
                SocketChannel socket = agent.connect(limit);
                return Upstream.open(io, socket, socket.getRemoteAddress(), null, HANDSHAKE, agent.name());
            } catch (IOException e) {
                throw Status.UNAVAILABLE
                        .withDescription(agent.name() + ": " + Sockets.reason(e))
                        .asException();
            }
        }

        @Override
        public @Nullable Status gone(@Nullable Upstream broken) {
            Status death = agent.death();
            if (death != null && told.compareAndSet(false, true)) {
                LOG.error("{}", death.getDescription());
            }
            return death;
        }

        @Override
        public boolean isAgentsSide() {
            return true;
        }
    }
}
