package io.peerpods.relay;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.ttrpc.IoThread;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
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

    private static final int BACKLOG = 128;
    private static final int MAX_CONNECTIONS = 256;
    private static final int MAX_HANDSHAKES = 32;
    private static final Duration HANDSHAKE = Duration.ofSeconds(10);
    private static final Duration AGENT_RETRY = Duration.ofMillis(25);

    private final ForwarderOptions options;
    private final ServerSocketChannel listener;
    private final InetSocketAddress address;
    private final RelayThreads threads;
    private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
    private final Semaphore handshakes = new Semaphore(MAX_HANDSHAKES);
    private final AgentSocket agent;
    private final AtomicBoolean told = new AtomicBoolean();
    private volatile boolean closed;

    private Forwarder(ForwarderOptions options, ServerSocketChannel listener, RelayThreads threads) throws IOException {
        this.options = options;
        this.listener = listener;
        this.address = (InetSocketAddress) listener.getLocalAddress();
        this.threads = threads;
        this.agent = new AgentSocket(options.agentSocket(), options.agentPatience());
    }

    /**
     * Listens; calls are forwarded from then on.
     *
     * @throws IOException when the address cannot be had; the text names it and the reason
     */
    public static Forwarder listen(ForwarderOptions options) throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open();
        Forwarder forwarder;
        try {
            listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            listener.bind(options.listen(), BACKLOG);
            forwarder = new Forwarder(options, listener, RelayThreads.start(1));
        } catch (IOException e) {
            Sockets.closeQuietly(listener);
            throw new IOException(
                    "cannot listen on " + Dialler.text(options.listen()) + ": " + Sockets.reason(e)
                            + " (is another program using the port?)",
                    e);
        }
        Thread.ofVirtual().name("forwarder").start(forwarder::accept);
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

    private void accept() {
        while (!closed) {
            try {
                SocketChannel socket = listener.accept();
                if (sessions.size() >= MAX_CONNECTIONS || !handshakes.tryAcquire()) {
                    LOG.warn("too many connections at once: hanging up on {}", socket.getRemoteAddress());
                    Sockets.closeQuietly(socket);
                    continue;
                }
                serve(socket);
            } catch (IOException e) {
                if (!closed) {
                    LOG.error("a connection could not be accepted", e);
                    pause(AGENT_RETRY); // out of descriptors, perhaps: not in a tight loop
                }
            }
        }
    }

    private void serve(SocketChannel socket) {
        Greeting greeting = new Greeting();
        try {
            SocketAddress worker = socket.getRemoteAddress();
            IoThread io = threads.next();
            Session session = new Session(
                    io,
                    new Session.Peer(socket, worker, options.transport().engine()),
                    Upstream.LIMITS.withHandshake(HANDSHAKE),
                    new ToAgent(io),
                    options.edits(),
                    options.refusal(),
                    greeting);
            sessions.add(session);
            session.start();
            if (closed) {
                session.close();
            }
        } catch (IOException | RuntimeException e) {
            LOG.warn("a connection is dropped", e);
            greeting.end();
            Sockets.closeQuietly(socket);
        }
    }

    /** Counts a connection among the handshakes until it has passed its own. */
    private final class Greeting implements Session.Witness {
        private final AtomicBoolean passed = new AtomicBoolean();

        /** Whether this was the end of it. */
        boolean end() {
            boolean ended = passed.compareAndSet(false, true);
            if (ended) {
                handshakes.release();
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
                LOG.info("no connection with a worker: {}", Sockets.reason(cause));
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

    private static void pause(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
