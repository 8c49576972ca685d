package io.peerpods.config;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLParameters;

/**
 * Which TLS versions and cipher suites both ends use.
 *
 * @param minVersion {@code VersionTLS12}, {@code VersionTLS13}, or empty for TLS 1.2
 * @param cipherSuites IANA names for TLS 1.2, empty for the runtime's defaults; those of TLS 1.3 are always on, as in Go
 */
public record TlsSettings(String minVersion, List<String> cipherSuites) {

    /** TLS 1.2 and 1.3 with the runtime's cipher suites. */
    public static final TlsSettings DEFAULT = new TlsSettings("", List.of());

    private static final List<String> VERSIONS = List.of("VersionTLS12", "VersionTLS13");

    /** @throws IllegalArgumentException with a text that says what is allowed */
    public TlsSettings {
        cipherSuites = cipherSuites.stream()
                .map(String::strip)
                .filter(suite -> !suite.isEmpty())
                .toList();
        if (!minVersion.isEmpty() && !VERSIONS.contains(minVersion)) {
            throw new IllegalArgumentException(
                    "minimum TLS version \"" + minVersion + "\" is not one of " + String.join(" and ", VERSIONS));
        }
        if (minVersion.equals("VersionTLS13") && !cipherSuites.isEmpty()) {
            throw new IllegalArgumentException(
                    "cipher suites cannot be chosen with VersionTLS13, got " + String.join(",", cipherSuites));
        }
        List<String> supported = cipherSuites.isEmpty() ? List.of() : Supported.CIPHER_SUITES;
        for (String suite : cipherSuites) {
            if (!supported.contains(suite)) {
                throw new IllegalArgumentException(
                        "cipher suite \"" + suite + "\" is not one of " + String.join(",", supported));
            }
        }
    }

    /** The versions as {@link SSLParameters} names them. */
    List<String> protocols() {
        return minVersion.equals("VersionTLS13") ? List.of("TLSv1.3") : List.of("TLSv1.3", "TLSv1.2");
    }

    /** What an engine or socket of either side is given; the caller adds what its side needs. */
    public SSLParameters parameters() {
        SSLParameters parameters = new SSLParameters();
        parameters.setProtocols(protocols().toArray(String[]::new));
        if (!cipherSuites.isEmpty()) {
            List<String> suites = new ArrayList<>(Supported.TLS13_CIPHER_SUITES);
            cipherSuites.stream().filter(suite -> !suites.contains(suite)).forEach(suites::add);
            parameters.setCipherSuites(suites.toArray(String[]::new));
        }
        return parameters;
    }

    /** Looked up only when a list is given: it costs a TLS context. */
    private static final class Supported {
        static final List<String> CIPHER_SUITES = supported();
        static final List<String> TLS13_CIPHER_SUITES = CIPHER_SUITES.stream()
                .filter(suite -> suite.startsWith("TLS_AES_") || suite.startsWith("TLS_CHACHA20_"))
                .toList();

        private Supported() {}

        private static List<String> supported() {
            try {
                return Arrays.stream(javax.net.ssl.SSLContext.getDefault()
                                .getSupportedSSLParameters()
                                .getCipherSuites())
                        .filter(suite ->
                                suite.startsWith("TLS_") && !suite.contains("_anon_") && !suite.contains("_NULL_"))
                        .filter(suite -> !suite.equals("TLS_EMPTY_RENEGOTIATION_INFO_SCSV"))
                        .toList();
            } catch (java.security.NoSuchAlgorithmException e) {
                throw new IllegalStateException("this Java runtime has no TLS", e);
            }
        }
    }
}
