package io.peerpods.cloud.aws.ec2;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/**
 * The proxy and the certificate authorities of calls to AWS, from the environment variables that the AWS CLI reads:
 * {@code HTTPS_PROXY}, {@code HTTP_PROXY} and {@code NO_PROXY} in lower case (which comes first) or upper case, {@code AWS_CA_BUNDLE},
 * and, where that is not set, {@code SSL_CERT_FILE}. A bundle replaces the authorities of the JDK.
 *
 * <p>The JDK sends no password to the proxy of a TLS connection unless its property {@code jdk.http.auth.tunneling.disabledSchemes} is
 * empty. It is read once in the life of a process, so the launcher script sets it.
 */
final class AwsHttp {

    private static final List<String> BUNDLES = List.of("AWS_CA_BUNDLE", "SSL_CERT_FILE");

    private AwsHttp() {}

    /**
     * A client for one URL.
     *
     * @param connect until a connection is made
     * @param read between two pieces of an answer
     * @throws CloudException naming the variable that cannot be used
     */
    static SdkHttpClient client(URI target, Map<String, String> environment, Duration connect, Duration read)
            throws CloudException {
        Optional<HttpProxy> proxy = proxy(target, environment);
        Optional<SSLSocketFactory> tls = authorities(environment);
        return UrlConnectionHttpClient.create(uri -> {
            try {
                HttpURLConnection connection = proxy.isPresent()
                        ? proxy.get().open(uri)
                        : (HttpURLConnection) uri.toURL().openConnection(Proxy.NO_PROXY);
                connection.setConnectTimeout(Math.toIntExact(connect.toMillis()));
                connection.setReadTimeout(Math.toIntExact(read.toMillis()));
                if (connection instanceof HttpsURLConnection secure) {
                    tls.ifPresent(secure::setSSLSocketFactory);
                }
                return connection;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static Optional<HttpProxy> proxy(URI target, Map<String, String> environment) throws CloudException {
        String variable = target.getScheme().toUpperCase(Locale.ROOT) + "_PROXY";
        String text = inEitherCase(environment, variable);
        if (text.isEmpty() || isDirect(target, inEitherCase(environment, "NO_PROXY"))) {
            return Optional.empty();
        }
        URI url;
        try {
            url = URI.create(text.contains("://") ? text : "http://" + text);
        } catch (IllegalArgumentException e) {
            throw badProxy(variable);
        }
        if (!"http".equalsIgnoreCase(url.getScheme()) || url.getHost() == null) {
            throw badProxy(variable);
        }
        String[] user = Optional.ofNullable(url.getRawUserInfo()).orElse("").split(":", 2);
        return Optional.of(new HttpProxy(
                url.getHost(),
                url.getPort() < 0 ? 80 : url.getPort(),
                decoded(user[0]),
                user.length < 2 ? "" : decoded(user[1])));
    }

    private static Optional<SSLSocketFactory> authorities(Map<String, String> environment) throws CloudException {
        for (String variable : BUNDLES) {
            String file = value(environment, variable);
            if (!file.isEmpty()) {
                return Optional.of(trust(variable, file));
            }
        }
        return Optional.empty();
    }

    /** The value is not shown: it may have a password. */
    private static CloudException badProxy(String variable) {
        return new InvalidRequest(
                Outcome.NOT_DONE,
                variable + " is not the URL of a proxy: it must be http://[user:password@]host[:port] (not shown)");
    }

    /** {@code URI} has checked the escapes already. */
    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    /** An entry is {@code *}, a host, or the end of one, with or without the dot before it; it may have a port. */
    static boolean isDirect(URI target, String noProxy) {
        String host = target.getHost().toLowerCase(Locale.ROOT);
        String hostAndPort = host + ":" + target.getPort();
        for (String item : noProxy.split(",", -1)) {
            String entry = item.strip().toLowerCase(Locale.ROOT);
            String end = entry.startsWith(".") ? entry.substring(1) : entry;
            if (entry.equals("*") || (!end.isEmpty() && (endsWithName(host, end) || endsWithName(hostAndPort, end)))) {
                return true;
            }
        }
        return false;
    }

    private static boolean endsWithName(String host, String end) {
        return host.equals(end) || host.endsWith("." + end);
    }

    private static SSLSocketFactory trust(String variable, String file) throws CloudException {
        try (InputStream in = Files.newInputStream(Path.of(file))) {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int count = 0;
            for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry(Integer.toString(count++), each);
            }
            if (count == 0) {
                throw new GeneralSecurityException("there is no certificate in it");
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, factory.getTrustManagers(), null);
            return context.getSocketFactory();
        } catch (IOException | GeneralSecurityException | InvalidPathException e) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    variable + " is \"" + file + "\": it must be a file of certificates in PEM (" + e + ")",
                    e);
        }
    }

    /** A variable in lower case that is there but empty takes back the one in upper case, as in Python and so in the AWS CLI. */
    private static String inEitherCase(Map<String, String> environment, String variable) {
        String lower = variable.toLowerCase(Locale.ROOT);
        return value(environment, environment.containsKey(lower) ? lower : variable);
    }

    /** A variable without the blanks and line end that come with it; empty when it is not set. */
    static String value(Map<String, String> environment, String variable) {
        return environment.getOrDefault(variable, "").strip();
    }
}
