package io.peerpods.ttrpc;

import static java.util.Objects.requireNonNull;

import io.grpc.Attributes;
import io.grpc.BindableService;
import io.grpc.HandlerRegistry;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.peerpods.ttrpc.call.InboundCall;
import io.peerpods.ttrpc.call.Methods;
import io.peerpods.ttrpc.call.ServerConnection;
import io.peerpods.ttrpc.io.Connection;
import io.peerpods.ttrpc.io.IoThread;
import io.peerpods.ttrpc.io.Limits;
import java.io.IOException;
import java.net.BindException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves grpc-java service definitions by ttRPC on one unix socket or TCP port, with TLS when it is told so.
 *
 * <p>Handlers run on a virtual thread each and may block, unless {@link Builder#direct} says otherwise. A handler's
 * {@link io.grpc.Context} is cancelled when the caller hangs up or its {@code timeout_nano} is over. Response metadata
 * does not exist in ttRPC; of the trailers only gRPC's status details are carried.
 *
 * <p>Thread-safe. The owner closes it.
 */
public final class TtrpcServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TtrpcServer.class);

    /**
     * An attribute of every {@link io.grpc.ServerCall}: UNARY, SERVER_STREAMING or BIDI_STREAMING as the caller's request
     * frame says; for a method whose descriptor has a type, that type.
     */
    public static final Attributes.Key<MethodType> WIRE_TYPE = InboundCall.WIRE_TYPE;

    /**
     * Connections that may wait to be accepted. A unix socket refuses more at once with EAGAIN, and Kata does not try again; the kernel
     * takes the smaller of this and {@code net.core.somaxconn}, which is 4096 since Linux 5.4.
     */
    public static final int BACKLOG = 4096;

    private static final int ACCEPTS_IN_A_ROW = 64;
    private static final int OWN_THREADS = 2;
    /** How long no connection is accepted after accepting failed, mostly for want of file descriptors. */
    private static final Duration ACCEPT_PAUSE = Duration.ofMillis(100);

    private final Methods methods;
    private final Owner owner = new Owner();
    private final Limits limits;
    private final @Nullable SSLContext tls;
    private final Consumer<SSLEngine> tlsSetup;
    /** The first one accepts; connections that come in one burst are spread. */
    private final List<IoThread> ioThreads;

    private final boolean ownsIo;
    private final ServerSocketChannel listener;
    private final SocketAddress address;
    private final @Nullable Object socketFile;
    private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();
    private final CountDownLatch terminated = new CountDownLatch(1);
    private volatile boolean draining;
    private boolean full;
    /** The last accept failed. */
    private boolean starved;

    private TtrpcServer(Builder builder, SocketAddress where) throws IOException {
        methods = new Methods(builder.services, builder.fallback, builder.direct);
        boolean local = where instanceof UnixDomainSocketAddress;
        limits = builder.limits != null ? builder.limits : local ? Limits.local() : Limits.network();
        tls = builder.tls;
        tlsSetup = builder.tlsSetup;
        listener = local ? ServerSocketChannel.open(StandardProtocolFamily.UNIX) : ServerSocketChannel.open();
        ownsIo = builder.io == null;
        try {
            if (where instanceof UnixDomainSocketAddress unix) {
                removeStale(unix);
            } else {
                listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            }
            listener.bind(where, BACKLOG);
            address = listener.getLocalAddress();
            socketFile = where instanceof UnixDomainSocketAddress unix ? restrict(unix.getPath()) : null;
            listener.configureBlocking(false);
            ioThreads = builder.io == null ? startThreads() : List.of(builder.io);
        } catch (IOException | RuntimeException e) {
            IoThread.closeQuietly(listener);
            throw new IOException("cannot listen on " + where + ": " + e.getMessage(), e);
        }
        ioThreads.getFirst().execute(this::startAccepting);
    }

    private static List<IoThread> startThreads() throws IOException {
        List<IoThread> threads = new ArrayList<>();
        for (int i = 0; i < OWN_THREADS; i++) {
            threads.add(IoThread.start("ttrpc-server-" + i));
        }
        return List.copyOf(threads);
    }

    /** A server to be described; it serves from {@link Builder#listen} on. */
    public static Builder builder() {
        return new Builder();
    }

    /** Where it listens: the port is the real one when it was asked for port 0. */
    public SocketAddress address() {
        return address;
    }

    /** Connections open now. */
    public int connections() {
        return connections.size();
    }

    /**
     * Takes no more connections and calls (those are answered UNAVAILABLE), lets the calls in progress end, and closes
     * each connection when it has none. Returns at once.
     */
    public void shutdown() {
        draining = true;
        stopListening();
        for (ServerConnection connection : connections) {
            connection.closeWhenIdle();
        }
        terminateIfEmpty();
    }

    /** Waits until a {@link #shutdown} is complete; false when it is not within that time. */
    public boolean awaitTermination(Duration time) throws InterruptedException {
        return terminated.await(time.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Stops at once: every connection is closed and its calls are cancelled. A second call has no effect. */
    @Override
    public void close() {
        draining = true;
        stopListening();
        IOException cause = new IOException("the server was closed");
        for (ServerConnection connection : connections) {
            connection.close(cause);
        }
        terminateIfEmpty();
        if (ownsIo) {
            ioThreads.forEach(IoThread::close);
        }
    }

    /** What the connections see of this server. */
    private final class Owner implements ServerConnection.Owner {

        @Override
        public Methods methods() {
            return methods;
        }

        @Override
        public boolean isDraining() {
            return draining;
        }

        @Override
        public void forget(ServerConnection connection) {
            connections.remove(connection);
            if (draining) {
                terminateIfEmpty();
            }
        }
    }

    private void terminateIfEmpty() {
        if (connections.isEmpty()) {
            terminated.countDown();
        }
    }

    // --- accepting, on the I/O thread

    private void startAccepting() {
        try {
            listener.register(ioThreads.getFirst().selector(), SelectionKey.OP_ACCEPT, (IoThread.Ready) this::accept);
        } catch (IOException e) {
            if (!draining) {
                LOG.error("{} accepts no connections", address, e);
            }
        }
    }

    private void accept(SelectionKey key) {
        try {
            for (int i = 0; i < ACCEPTS_IN_A_ROW; i++) {
                SocketChannel socket = listener.accept();
                if (socket == null) {
                    return;
                }
                if (starved) {
                    starved = false;
                    LOG.info("{} accepts connections again", address);
                }
                admit(socket, ioThreads.get(i % ioThreads.size()));
            }
        } catch (IOException | RuntimeException | Error e) {
            if (draining || !listener.isOpen()) {
                return;
            }
            // No descriptor is free as a rule. The caller stays in the backlog.
            key.interestOps(0);
            IoThread io = ioThreads.getFirst();
            var _ = io.after(ACCEPT_PAUSE.toNanos(), () -> io.execute(() -> acceptAgain(key)));
            if (!starved) {
                starved = true;
                LOG.warn("{} accepts no connections, it tries again every {} ms", address, ACCEPT_PAUSE.toMillis(), e);
            }
        }
    }

    private static void acceptAgain(SelectionKey key) {
        if (key.isValid()) {
            key.interestOps(SelectionKey.OP_ACCEPT);
        }
    }

    private void admit(SocketChannel socket, IoThread io) {
        if (draining || connections.size() >= limits.connections()) {
            if (!full && !draining) {
                full = true;
                LOG.warn("{} refuses connections: {} are open", address, limits.connections());
            }
            IoThread.closeQuietly(socket);
            return;
        }
        full = false;
        try {
            SocketAddress peer = address instanceof UnixDomainSocketAddress ? address : socket.getRemoteAddress();
            SSLEngine engine = engine();
            ServerConnection[] made = new ServerConnection[1];
            var _ = new Connection(io, socket, peer, limits, engine, connection -> {
                made[0] = new ServerConnection(owner, connection, limits);
                return made[0];
            });
            connections.add(made[0]);
            made[0].open(io);
        } catch (IOException | RuntimeException | Error e) {
            LOG.warn("{} drops a connection", address, e);
            IoThread.closeQuietly(socket);
        }
    }

    private @Nullable SSLEngine engine() {
        if (tls == null) {
            return null;
        }
        SSLEngine engine = tls.createSSLEngine();
        engine.setUseClientMode(false);
        tlsSetup.accept(engine);
        return engine;
    }

    // --- the socket's file

    /** Removes the file of a server that is gone; that of one that answers stays. */
    private static void removeStale(UnixDomainSocketAddress where) throws IOException {
        if (!Files.exists(where.getPath())) {
            return;
        }
        try (SocketChannel probe = SocketChannel.open(where)) {
            throw new BindException("another process serves it (" + probe.getRemoteAddress() + ")");
        } catch (BindException e) {
            throw e;
        } catch (IOException nobodyThere) {
            Files.delete(where.getPath());
        }
    }

    /** Leaves the socket to its owner alone and returns what tells its file from a successor's. */
    private static @Nullable Object restrict(Path path) throws IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
        return fileKey(path);
    }

    private static @Nullable Object fileKey(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    }

    private void stopListening() {
        if (!listener.isOpen()) {
            return;
        }
        if (address instanceof UnixDomainSocketAddress unix && socketFile != null) {
            try {
                if (Files.exists(unix.getPath()) && socketFile.equals(fileKey(unix.getPath()))) {
                    Files.delete(unix.getPath());
                }
            } catch (IOException e) {
                LOG.warn("{} is left behind", unix, e);
            }
        }
        IoThread.closeQuietly(listener);
        // A closed channel leaves its selector, and lets go of the port, in the selector's next turn.
        ioThreads.getFirst().execute(() -> {});
    }

    /** Describes a server. Not thread-safe. */
    public static final class Builder {
        private final List<ServerServiceDefinition> services = new ArrayList<>();
        private @Nullable HandlerRegistry fallback;
        private Predicate<MethodDescriptor<?, ?>> direct = method -> false;
        private @Nullable Limits limits;
        private @Nullable SSLContext tls;
        private Consumer<SSLEngine> tlsSetup = engine -> {};
        private @Nullable IoThread io;

        private Builder() {}

        public Builder addService(ServerServiceDefinition service) {
            services.add(requireNonNull(service, "service"));
            return this;
        }

        public Builder addService(BindableService service) {
            return addService(service.bindService());
        }

        /**
         * Serves methods that no service has. It is asked on the I/O thread with {@code service/method} and no authority,
         * and must not block; null is UNIMPLEMENTED. For an opaque pass-through it answers methods made by
         * {@link Opaque#method} of type UNKNOWN.
         */
        public Builder fallback(HandlerRegistry registry) {
            fallback = requireNonNull(registry, "registry");
            return this;
        }

        /**
         * Methods whose handlers never block. They run on the I/O thread itself, or on whichever thread has an event for
         * them, without waking another: that halves the latency of a short call. A handler that blocks there holds up
         * every connection of the thread. The default is none; a relay says {@code method -> true}.
         */
        public Builder direct(Predicate<MethodDescriptor<?, ?>> methods) {
            direct = requireNonNull(methods, "methods");
            return this;
        }

        /** The default is {@link Limits#local()} on a unix socket and {@link Limits#network()} on TCP. */
        public Builder limits(Limits limits) {
            this.limits = requireNonNull(limits, "limits");
            return this;
        }

        /** Mutual TLS: a caller without a certificate that the context trusts is refused. */
        public Builder tls(SSLContext context) {
            return tls(context, engine -> engine.setNeedClientAuth(true));
        }

        /** TLS as {@code setup} sets each connection's engine (client certificates, versions). */
        public Builder tls(SSLContext context, Consumer<SSLEngine> setup) {
            tls = requireNonNull(context, "context");
            tlsSetup = requireNonNull(setup, "setup");
            return this;
        }

        /** The thread that serves the connections; without it the server has its own two. */
        public Builder ioThread(IoThread thread) {
            io = requireNonNull(thread, "thread");
            return this;
        }

        /**
         * Listens. A unix socket is made with mode 0600; a stale file of a server that is gone is replaced, one that
         * still answers is an error.
         *
         * @throws IOException naming the address, when it cannot be listened on
         */
        public TtrpcServer listen(SocketAddress address) throws IOException {
            return new TtrpcServer(this, requireNonNull(address, "address"));
        }
    }
}
