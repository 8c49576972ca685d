package io.peerpods.relay;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import jdk.net.ExtendedSocketOptions;

/** What runs on the TCP connection between worker and pod VM: mutual TLS, or nothing. */
public abstract sealed class Transport {

    /** Two minutes of silence from a peer that is gone, then the connection ends; a blip of less is ridden out. */
    private static final int KEEPALIVE_IDLE_SECONDS = 60;

    private static final int KEEPALIVE_INTERVAL_SECONDS = 10;
    private static final int KEEPALIVE_PROBES = 6;

    private Transport() {}

    /** Plain TCP, for images that have TLS switched off. */
    public static Transport plain() {
        return new Plain();
    }

    /**
     * The worker's side.
     *
     * @param parameters versions and cipher suites; with the endpoint identification algorithm {@code HTTPS} the certificate must
     *     be in {@code serverName}, whatever the address that was dialled
     */
    public static Transport client(SSLContext context, SSLParameters parameters, String serverName) {
        return new Client(context.getSocketFactory(), parameters, serverName);
    }

    /** The pod VM's side; {@code parameters} say whether a client certificate is needed. */
    public static Transport server(SSLContext context, SSLParameters parameters) {
        return new Server(context.getSocketFactory(), parameters);
    }

    /**
     * Makes a wire of a connected socket. When that fails the socket is closed.
     *
     * @param limit how long the handshake may take altogether
     */
    Wire over(Socket socket, Duration limit) throws IOException {
        try {
            socket.setTcpNoDelay(true);
            keepAlive(socket);
            return secured(socket, limit);
        } catch (IOException | RuntimeException e) {
            Wire.closeQuietly(socket);
            throw e;
        }
    }

    abstract Wire secured(Socket socket, Duration limit) throws IOException;

    /** The same for {@link Rehearsal}: a client without certificate is let in. */
    Transport forRehearsal() {
        return this;
    }

    /** The other side of {@link #forRehearsal}. */
    Transport rehearsalClient() throws IOException {
        return this;
    }

    private static void keepAlive(Socket socket) throws IOException {
        socket.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        if (socket.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
            socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEPALIVE_INTERVAL_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEPALIVE_PROBES);
        }
    }

    private static Wire handshaken(SSLSocket tls, Socket socket, Duration limit) throws IOException {
        // A time-out of the socket's would bound each read alone, and a peer can send a byte at a time.
        Watch watch = new Watch(socket);
        Thread clock = Thread.ofVirtual().name("handshake-limit").start(() -> watch.run(limit));
        try {
            tls.startHandshake();
        } catch (IOException e) {
            if (watch.barked) {
                InterruptedIOException timeout =
                        new InterruptedIOException("no TLS handshake within " + limit.toMillis() + " ms");
                timeout.initCause(e);
                throw timeout;
            }
            throw e;
        } finally {
            clock.interrupt();
        }
        return Wire.of(tls, socket);
    }

    /** Closes a socket whose handshake takes too long. */
    private static final class Watch {
        private final Socket socket;
        volatile boolean barked;

        Watch(Socket socket) {
            this.socket = socket;
        }

        void run(Duration limit) {
            try {
                Thread.sleep(limit);
                barked = true;
                Wire.closeQuietly(socket);
            } catch (InterruptedException done) {
                // The handshake came to its end in time.
            }
        }
    }

    private static final class Plain extends Transport {
        @Override
        Wire secured(Socket socket, Duration limit) throws IOException {
            return Wire.of(socket, socket);
        }
    }

    private static final class Client extends Transport {
        private final SSLSocketFactory factory;
        private final SSLParameters parameters;
        private final String serverName;

        Client(SSLSocketFactory factory, SSLParameters parameters, String serverName) {
            this.factory = factory;
            this.parameters = parameters;
            this.serverName = serverName;
        }

        @Override
        Wire secured(Socket socket, Duration limit) throws IOException {
            SSLSocket tls = (SSLSocket) factory.createSocket(socket, serverName, socket.getPort(), true);
            tls.setSSLParameters(parameters);
            tls.setUseClientMode(true);
            return handshaken(tls, socket, limit);
        }
    }

    private static final class Server extends Transport {
        private final SSLSocketFactory factory;
        private final SSLParameters parameters;

        @Override
        Transport forRehearsal() {
            SSLParameters lenient = new SSLParameters();
            if (parameters.getCipherSuites() != null) {
                lenient.setCipherSuites(parameters.getCipherSuites());
            }
            if (parameters.getProtocols() != null) {
                lenient.setProtocols(parameters.getProtocols());
            }
            lenient.setWantClientAuth(true);
            return new Server(factory, lenient);
        }

        @Override
        Transport rehearsalClient() throws IOException {
            try {
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(null, new TrustManager[] {new Anyone()}, null);
                return Transport.client(context, context.getDefaultSSLParameters(), "localhost");
            } catch (GeneralSecurityException e) {
                throw new IOException("this Java runtime has no TLS", e);
            }
        }

        Server(SSLSocketFactory factory, SSLParameters parameters) {
            this.factory = factory;
            this.parameters = parameters;
        }

        @Override
        Wire secured(Socket socket, Duration limit) throws IOException {
            SSLSocket tls = (SSLSocket) factory.createSocket(socket, null, true);
            tls.setUseClientMode(false);
            tls.setSSLParameters(parameters);
            return handshaken(tls, socket, limit);
        }
    }

    /** Takes this process for itself; used on connections that it makes with itself. */
    private static final class Anyone extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
