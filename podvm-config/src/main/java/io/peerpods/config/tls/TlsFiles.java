package io.peerpods.config.tls;

/**
 * Paths of PEM files that an operator gives, on either side; an empty string is a file not given.
 *
 * @param ca who signs the other side's certificate
 */
public record TlsFiles(String ca, String certificate, String key) {
    /** Nothing is given. */
    public static final TlsFiles NONE = new TlsFiles("", "", "");

    boolean hasCredentials() {
        return !certificate.isEmpty() && !key.isEmpty();
    }
}
