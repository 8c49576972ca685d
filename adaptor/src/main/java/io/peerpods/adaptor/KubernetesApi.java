package io.peerpods.adaptor;

import com.google.gson.JsonParser;
import io.peerpods.config.ConfigException;
import io.peerpods.config.tls.Credentials;
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
import java.util.regex.Pattern;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * The two questions that are asked of the cluster: which cluster it is, once, and which UID a pod has, where a pod may have volumes.
 *
 * @param account directory of the service account's token and CA
 */
record KubernetesApi(InetAddress address, int port, Path account) {

    private static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9.-]{0,252}");
    private static final Pattern UID = Pattern.compile("[A-Za-z0-9-]{1,64}");
    private static final int TIMEOUT_MILLIS = 3000;
    private static final int MAX_ANSWER = 4 << 20;

    /** With the service account that Kubernetes gives to a pod. */
    KubernetesApi(InetAddress address, int port) {
        this(address, port, ACCOUNT);
    }

    /** Whether this process runs in a pod with a service account. */
    boolean hasAccount() {
        return Files.isReadable(account.resolve("token"));
    }

    /** An answer that another try does not change. */
    static final class RefusedException extends IOException {

        private static final long serialVersionUID = 1L;

        private RefusedException(String message) {
            super(message);
        }
    }

    /**
     * UID of the namespace kube-system, which every cluster has and no two share.
     *
     * @throws RefusedException when the service account may not read it
     */
    String clusterUid() throws IOException {
        String uid = uid("/api/v1/namespaces/kube-system", "namespaces");
        if (!UID.matcher(uid).matches()) {
            throw new IOException("the API service's answer has no UID");
        }
        return uid;
    }

    /** UID of the pod that has this name at present. */
    String podUid(String namespace, String name) throws IOException {
        if (!NAME.matcher(namespace).matches() || !NAME.matcher(name).matches()) {
            throw new IOException("these are no names of Kubernetes");
        }
        String uid = uid("/api/v1/namespaces/" + namespace + "/pods/" + name, "pods");
        if (!UID.matcher(uid).matches()) {
            throw new IOException("the API service's answer has no UID");
        }
        return uid;
    }

    private String uid(String path, String kind) throws IOException {
        URI uri = URI.create("https://"
                + (IpAddresses.isIpv4(address) ? IpAddresses.text(address) : "[" + IpAddresses.text(address) + "]")
                + ":" + port + path);
        HttpsURLConnection connection = (HttpsURLConnection) uri.toURL().openConnection();
        connection.setConnectTimeout(TIMEOUT_MILLIS);
        connection.setReadTimeout(TIMEOUT_MILLIS);
        connection.setSSLSocketFactory(trusting().getSocketFactory());
        connection.setRequestProperty(
                "Authorization",
                "Bearer " + Files.readString(account.resolve("token")).strip());
        int status = connection.getResponseCode();
        if (status == 401 || status == 403 || status == 404) {
            throw new RefusedException("the API service answers " + status + " for " + path
                    + "; the service account needs `get` on " + kind);
        }
        if (status != 200) {
            throw new IOException("the API service answers " + status + " for " + path);
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

    private SSLContext trusting() throws IOException {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, new char[0]);
            int number = 0;
            for (X509Certificate certificate : Credentials.readCertificates(account.resolve("ca.crt"))) {
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
