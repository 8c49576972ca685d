package io.peerpods.relay;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/** What runs on the TCP connection between worker and pod VM: mutual TLS, or nothing. */
public abstract sealed class Transport {

    /** Sessions are not resumed, so the port under which they would be kept is of no interest. */
    private static final int NO_PORT = -1;

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
        return new Client(context, parameters, serverName);
    }

    /** The pod VM's side; {@code parameters} say whether a client certificate is needed. */
    public static Transport server(SSLContext context, SSLParameters parameters) {
        return new Server(context, parameters);
    }

    /** What encrypts a new connection; null on plain TCP. */
    abstract @Nullable SSLEngine engine();

    /** The same for {@link HandshakeWarmUp}: a client without certificate is let in. */
    Transport forWarmUp() {
        return this;
    }

    /** The other side of {@link #forWarmUp}. */
    Transport warmUpClient() throws IOException {
        return this;
    }

    private static final class Plain extends Transport {
        @Override
        @Nullable
        SSLEngine engine() {
            return null;
        }
    }

    private static final class Client extends Transport {
        private final SSLContext context;
        private final SSLParameters parameters;
        private final String serverName;

        Client(SSLContext context, SSLParameters parameters, String serverName) {
            this.context = context;
            this.parameters = parameters;
            this.serverName = serverName;
        }

        @Override
        SSLEngine engine() {
            SSLEngine engine = context.createSSLEngine(serverName, NO_PORT);
            engine.setUseClientMode(true);
            engine.setSSLParameters(parameters);
            return engine;
        }
    }

    private static final class Server extends Transport {
        private final SSLContext context;
        private final SSLParameters parameters;

        @Override
        Transport forWarmUp() {
            SSLParameters lenient = new SSLParameters();
            if (parameters.getCipherSuites() != null) {
                lenient.setCipherSuites(parameters.getCipherSuites());
            }
            if (parameters.getProtocols() != null) {
                lenient.setProtocols(parameters.getProtocols());
            }
            lenient.setWantClientAuth(true);
            return new Server(context, lenient);
        }

        @Override
        Transport warmUpClient() throws IOException {
            try {
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(null, new TrustManager[] {new Anyone()}, null);
                return Transport.client(context, context.getDefaultSSLParameters(), "localhost");
            } catch (GeneralSecurityException e) {
                throw new IOException("this Java runtime has no TLS", e);
            }
        }

        Server(SSLContext context, SSLParameters parameters) {
            this.context = context;
            this.parameters = parameters;
        }

        @Override
        SSLEngine engine() {
            SSLEngine engine = context.createSSLEngine();
            engine.setUseClientMode(false);
            engine.setSSLParameters(parameters);
            return engine;
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
