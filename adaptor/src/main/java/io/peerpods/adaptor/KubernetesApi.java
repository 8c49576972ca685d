package io.peerpods.adaptor;

import com.google.gson.JsonParser;
import io.peerpods.config.ConfigException;
import io.peerpods.config.Credentials;
import io.peerpods.linux.IpAddresses;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** The one question that is asked of the cluster, once: which cluster is it. */
record KubernetesApi(InetAddress address, int port) {

    private static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
    private static final int TIMEOUT_MILLIS = 3000;
    private static final int MAX_ANSWER = 1 << 20;

    /** Whether this process runs in a pod with a service account. */
    boolean hasAccount() {
        return Files.isReadable(ACCOUNT.resolve("token"));
    }

    /** UID of the namespace kube-system, which every cluster has and no two share. */
    String clusterUid() throws IOException {
        URI uri = URI.create("https://"
                + (IpAddresses.isIpv4(address) ? IpAddresses.text(address) : "[" + IpAddresses.text(address) + "]")
                + ":" + port + "/api/v1/namespaces/kube-system");
        HttpsURLConnection connection = (HttpsURLConnection) uri.toURL().openConnection();
        connection.setConnectTimeout(TIMEOUT_MILLIS);
        connection.setReadTimeout(TIMEOUT_MILLIS);
        connection.setSSLSocketFactory(trusting().getSocketFactory());
        connection.setRequestProperty(
                "Authorization",
                "Bearer " + Files.readString(ACCOUNT.resolve("token")).strip());
        if (connection.getResponseCode() != 200) {
            throw new IOException("the API service answers " + connection.getResponseCode()
                    + " for namespace kube-system; the service account needs `get` on namespaces");
        }
        try (InputStream in = connection.getInputStream()) {
            String body = new String(in.readNBytes(MAX_ANSWER), StandardCharsets.UTF_8);
            return JsonParser.parseString(body)
                    .getAsJsonObject()
                    .getAsJsonObject("metadata")
                    .get("uid")
                    .getAsString();
        } catch (RuntimeException e) {
            throw new IOException("the API service's answer cannot be read", e);
        }
    }

    private static SSLContext trusting() throws IOException {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, new char[0]);
            int number = 0;
            for (X509Certificate certificate : Credentials.readCertificates(ACCOUNT.resolve("ca.crt"))) {
                store.setCertificateEntry("ca" + number++, certificate);
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException | ConfigException e) {
            throw new IOException("the service account's CA cannot be used: " + e.getMessage(), e);
        }
    }
}
