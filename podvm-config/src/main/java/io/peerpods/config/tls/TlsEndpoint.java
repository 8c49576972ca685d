package io.peerpods.config.tls;

import io.peerpods.config.TlsSettings;
import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * One side of the agent's TLS connection, ready to make engines. Safe for use by several threads.
 *
 * <p>The client compares the name in the server's certificate with the VM's name, not with the address that it dials: so an
 * engine must be made by {@link #engine()}, or with {@link #serverName()} as its peer host.
 */
public final class TlsEndpoint {
    private static final char[] NO_PASSWORD = new char[0];

    private final SSLContext context;
    private final SSLParameters parameters;
    private final boolean client;
    private final String serverName;

    private TlsEndpoint(SSLContext context, SSLParameters parameters, boolean client, String serverName) {
        this.context = context;
        this.parameters = parameters;
        this.client = client;
        this.serverName = serverName;
    }

    /**
     * The VM's side.
     *
     * @param clients who may call: a pinned client certificate or CAs; empty lets every client in
     */
    public static TlsEndpoint server(Credentials own, List<X509Certificate> clients, TlsSettings settings) {
        SSLParameters parameters = settings.parameters();
        parameters.setNeedClientAuth(!clients.isEmpty());
        return new TlsEndpoint(context(own, trust(clients)), parameters, false, "");
    }

    /**
     * The worker's side.
     *
     * @param servers the CAs whose word is taken for a VM's name
     * @param serverName the name that must be in the VM's certificate
     */
    public static TlsEndpoint client(
            Credentials own, List<X509Certificate> servers, String serverName, TlsSettings settings) {
        SSLParameters parameters = settings.parameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        parameters.setServerNames(List.of(new SNIHostName(serverName)));
        return new TlsEndpoint(context(own, trust(servers)), parameters, true, serverName);
    }

    /** The worker's side that believes every server: for tests of a deployment only. */
    public static TlsEndpoint clientWithoutVerification(Credentials own, TlsSettings settings) {
        return new TlsEndpoint(
                context(own, new TrustManager[] {new Everyone()}), settings.parameters(), true, TlsNames.MANUAL_SERVER);
    }

    public SSLContext context() {
        return context;
    }

    /** A copy of what every engine of this side is given. */
    public SSLParameters parameters() {
        SSLEngine engine = context.createSSLEngine();
        engine.setSSLParameters(parameters);
        return engine.getSSLParameters();
    }

    /** The name that a client expects; empty on the server's side. */
    public String serverName() {
        return serverName;
    }

    public boolean isClient() {
        return client;
    }

    /** A new engine for one connection. */
    public SSLEngine engine() {
        SSLEngine engine = client ? context.createSSLEngine(serverName, -1) : context.createSSLEngine();
        engine.setUseClientMode(client);
        engine.setSSLParameters(parameters);
        return engine;
    }

    private static SSLContext context(Credentials own, TrustManager[] trust) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(new KeyManager[] {new OwnIdentity(own)}, trust, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("cannot use the key and certificate of " + own, e);
        }
    }

    private static TrustManager[] trust(List<X509Certificate> certificates) {
        if (certificates.isEmpty()) {
            return new TrustManager[] {new Everyone()};
        }
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, NO_PASSWORD);
            for (int i = 0; i < certificates.size(); i++) {
                store.setCertificateEntry("trusted" + i, certificates.get(i));
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(store);
            return factory.getTrustManagers();
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalArgumentException("cannot use the trusted certificates", e);
        }
    }

    /** Believes everyone; used only where the operator or the image switches verification off. */
    private static final class Everyone extends X509ExtendedTrustManager {
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
