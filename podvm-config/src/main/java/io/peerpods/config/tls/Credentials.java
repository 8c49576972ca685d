package io.peerpods.config.tls;

import io.peerpods.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.List;

/**
 * A private key and its certificate, the leaf first.
 *
 * @param chain at least the leaf
 */
public record Credentials(PrivateKey key, List<X509Certificate> chain) {

    public Credentials {
        chain = List.copyOf(chain);
        if (chain.isEmpty()) {
            throw new IllegalArgumentException("credentials need a certificate");
        }
    }

    /** Reads PEM texts. {@code what} names them in errors. */
    public static Credentials ofPem(String keyPem, String certificatePem, String what) throws ConfigException {
        Credentials credentials = new Credentials(
                Pem.privateKey(keyPem, what + " (key)"), Pem.certificates(certificatePem, what + " (certificate)"));
        String keyAlgorithm = credentials.key().getAlgorithm();
        String certificateAlgorithm = credentials.certificate().getPublicKey().getAlgorithm();
        if (!keyAlgorithm.equals(certificateAlgorithm)) {
            throw new ConfigException(what + ": the key (" + keyAlgorithm + ") does not belong to the certificate ("
                    + certificateAlgorithm + ")");
        }
        return credentials;
    }

    /** Reads PEM files. */
    public static Credentials read(Path key, Path certificate) throws ConfigException {
        return ofPem(text(key), text(certificate), key + " and " + certificate);
    }

    /** Reads the certificates of a PEM file, at least one. */
    public static List<X509Certificate> readCertificates(Path file) throws ConfigException {
        return Pem.certificates(text(file), file.toString());
    }

    /** Reads the certificates of a PEM text, at least one. {@code what} names it in errors. */
    public static List<X509Certificate> certificatesOfPem(String pem, String what) throws ConfigException {
        return Pem.certificates(pem, what);
    }

    static String text(Path file) throws ConfigException {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new ConfigException("cannot read " + file + ": " + e, e);
        }
    }

    /** The leaf. */
    public X509Certificate certificate() {
        return chain.getFirst();
    }

    /** The key in PKCS#8. Secret. */
    public String keyPem() {
        return Pem.of("PRIVATE KEY", key.getEncoded());
    }

    /** The chain, leaf first. */
    public String certificatePem() {
        return pem(chain);
    }

    /** Certificates as PEM, one after the other. */
    public static String pem(List<X509Certificate> certificates) {
        StringBuilder pem = new StringBuilder();
        for (X509Certificate certificate : certificates) {
            try {
                pem.append(Pem.of("CERTIFICATE", certificate.getEncoded()));
            } catch (CertificateEncodingException e) {
                throw new IllegalStateException(e);
            }
        }
        return pem.toString();
    }

    @Override
    public String toString() {
        return "Credentials[" + certificate().getSubjectX500Principal() + "]";
    }
}
