package io.peerpods.ttrpc;

import static java.util.Objects.requireNonNull;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;
import io.peerpods.ttrpc.call.ClientConnection;
import io.peerpods.ttrpc.call.OutboundCall;
import io.peerpods.ttrpc.io.Connection;
import io.peerpods.ttrpc.io.IoThread;
import io.peerpods.ttrpc.io.Limits;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;

/**
 * A grpc-java channel over one ttRPC connection, for any number of calls at once. It does not reconnect: when the
 * connection is lost, running and later calls end UNAVAILABLE, and the owner makes another channel.
 *
 * <p>Deadlines (of the call options or the {@link io.grpc.Context}) travel as {@code timeout_nano} and are kept on this
 * side too. ttRPC has no cancel frame: a cancelled call is only forgotten here. Callbacks of asynchronous stubs run on
 * a virtual thread, or on the call options' executor; {@code Runnable::run} runs them on the I/O thread, where they must
 * not block. An error's google.rpc details are in the trailers, where {@code io.grpc.protobuf.StatusProto} finds them.
 *
 * <p>Thread-safe. The owner closes it.
 */
public final class TtrpcChannel extends Channel implements AutoCloseable {
    private final ClientConnection connection;
    private final String authority;
    private final @Nullable IoThread ownIo;

    private TtrpcChannel(ClientConnection connection, String authority, @Nullable IoThread ownIo) {
        this.connection = connection;
        this.authority = authority;
        this.ownIo = ownIo;
    }

    /** Connects to a plain ttRPC server, with the defaults of {@link #builder()}. */
    public static TtrpcChannel connect(SocketAddress address) throws IOException {
        return builder().connect(address);
    }

    /** A connection to be described. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public <Q, P> ClientCall<Q, P> newCall(MethodDescriptor<Q, P> method, CallOptions options) {
        return new OutboundCall<>(connection, method, options);
    }

    @Override
    public String authority() {
        return authority;
    }

    /** Whether the connection still is there, as far as is known. */
    public boolean isOpen() {
        return connection.isOpen();
    }

    /**
     * Calls the listener once when the connection is gone, with the reason; at once when it is gone already. It runs on
     * the I/O thread or on the thread that closed and must not block.
     */
    public void whenClosed(Consumer<IOException> listener) {
        connection.whenClosed(requireNonNull(listener, "listener"));
    }

    /** Closes the connection; running calls end UNAVAILABLE. A second call has no effect. */
    @Override
    public void close() {
        connection.close(new IOException("the channel was closed"));
        if (ownIo != null) {
            ownIo.close();
        }
    }

    /** Describes a connection. Not thread-safe. */
    public static final class Builder {
        private Duration connectTimeout = Duration.ofSeconds(10);
        private Limits limits = Limits.local();
        private @Nullable SSLContext tls;
        private String tlsHost = "";
        private int tlsPort = -1;
        private Consumer<SSLEngine> tlsSetup = engine -> {};
        private @Nullable IoThread io;

        private Builder() {}

        /** Time for the TCP connection to be made; default 10 s. */
        public Builder connectTimeout(Duration time) {
            connectTimeout = requireNonNull(time, "time");
            return this;
        }

        /** Limits of this connection; the handshake's is time for the TLS handshake. */
        public Builder limits(Limits limits) {
            this.limits = requireNonNull(limits, "limits");
            return this;
        }

        /** TLS without a look at the server's name, which suits a context that trusts one certificate. */
        public Builder tls(SSLContext context) {
            return tls(context, "", -1, engine -> {});
        }

        /**
         * TLS.
         *
         * @param host the server's name for SNI and session reuse; empty: none
         * @param setup sets up the engine, which is in client mode: endpoint identification, versions
         */
        public Builder tls(SSLContext context, String host, int port, Consumer<SSLEngine> setup) {
            tls = requireNonNull(context, "context");
            tlsHost = requireNonNull(host, "host");
            tlsPort = port;
            tlsSetup = requireNonNull(setup, "setup");
            return this;
        }

        /** The thread that serves the connection; without it the channel has its own. */
        public Builder ioThread(IoThread thread) {
            io = requireNonNull(thread, "thread");
            return this;
        }

        /**
         * Connects and, with TLS, completes the handshake. Blocks.
         *
         * @throws IOException naming the address, when there is no connection within the limits
         */
        public TtrpcChannel connect(SocketAddress address) throws IOException {
            SocketChannel socket = null;
            try {
                if (address instanceof UnixDomainSocketAddress) {
                    socket = SocketChannel.open(address);
                } else {
                    socket = SocketChannel.open();
                    socket.socket().connect(address, Math.toIntExact(connectTimeout.toMillis()));
                }
            } catch (IOException e) {
                if (socket != null) {
                    IoThread.closeQuietly(socket);
                }
                throw new IOException("cannot connect to " + address + ": " + e.getMessage(), e);
            }
            return over(socket);
        }

        /**
         * A channel over a connected socket, which becomes its own, also when this fails. With TLS it completes the
         * handshake. Blocks.
         */
        public TtrpcChannel over(SocketChannel socket) throws IOException {
            SocketAddress peer = socket.getRemoteAddress();
            IoThread own = null;
            try {
                own = io == null ? IoThread.start("ttrpc-channel") : null;
                IoThread on = own == null ? requireNonNull(io) : own;
                ClientConnection[] made = new ClientConnection[1];
                var _ = new Connection(on, socket, peer, limits, engine(), connection -> {
                    made[0] = new ClientConnection(connection, limits);
                    return made[0];
                });
                made[0].open();
                awaitEstablished(made[0], peer);
                return new TtrpcChannel(made[0], authority(peer), own);
            } catch (IOException | RuntimeException e) {
                IoThread.closeQuietly(socket);
                if (own != null) {
                    own.close();
                }
                throw e;
            }
        }

        private static String authority(SocketAddress peer) {
            return peer instanceof InetSocketAddress inet ? inet.getHostString() + ":" + inet.getPort() : "localhost";
        }

        private @Nullable SSLEngine engine() {
            if (tls == null) {
                return null;
            }
            SSLEngine engine = tlsHost.isEmpty() ? tls.createSSLEngine() : tls.createSSLEngine(tlsHost, tlsPort);
            engine.setUseClientMode(true);
            tlsSetup.accept(engine);
            return engine;
        }

        private void awaitEstablished(ClientConnection connection, SocketAddress peer) throws IOException {
            try {
                if (limits.handshake().isZero()) {
                    connection.whenEstablished().get();
                } else {
                    connection.whenEstablished().get(limits.handshake().toNanos(), TimeUnit.NANOSECONDS);
                }
            } catch (ExecutionException e) {
                Throwable reason = e.getCause() == null ? e : e.getCause();
                throw new IOException("no TLS connection with " + peer + ": " + reason.getMessage(), reason);
            } catch (TimeoutException e) {
                SocketTimeoutException late = new SocketTimeoutException("no TLS connection with " + peer + " within "
                        + limits.handshake().toMillis() + " ms");
                connection.close(late);
                throw late;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                InterruptedIOException stopped = new InterruptedIOException("interrupted while connecting to " + peer);
                connection.close(stopped);
                throw stopped;
            }
        }
    }
}
