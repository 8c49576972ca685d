package io.peerpods.config.tls;

import io.peerpods.config.ConfigException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;

/** Keys and certificates as PEM text (RFC 7468). Errors never quote the text. */
final class Pem {
    private static final Base64.Encoder LINES = Base64.getMimeEncoder(64, new byte[] {'\n'});
    private static final Pattern BLOCK = Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----");
    private static final int MAX_LENGTH = 1024 * 1024;

    private Pem() {}

    static String of(String type, byte[] der) {
        return "-----BEGIN " + type + "-----\n" + new String(LINES.encode(der), StandardCharsets.US_ASCII)
                + "\n-----END " + type + "-----\n";
    }

    /** Every certificate of the text, at least one. */
    static List<X509Certificate> certificates(String pem, String what) throws ConfigException {
        List<X509Certificate> certificates = new ArrayList<>();
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            Matcher block = BLOCK.matcher(bounded(pem, what));
            while (block.find()) {
                if (block.group(1).equals("CERTIFICATE")) {
                    byte[] der = Base64.getMimeDecoder().decode(block.group(2));
                    if (factory.generateCertificate(new ByteArrayInputStream(der)) instanceof X509Certificate x509) {
                        certificates.add(x509);
                    }
                }
            }
        } catch (CertificateException | IllegalArgumentException e) {
            throw new ConfigException(what + " does not hold certificates in PEM", e);
        }
        if (certificates.isEmpty()) {
            throw new ConfigException(what + " does not hold a certificate in PEM");
        }
        return certificates;
    }

    /** The first private key of the text: PKCS#8, or the older forms that OpenSSL and Go also accept. */
    static PrivateKey privateKey(String pem, String what) throws ConfigException {
        Matcher block = BLOCK.matcher(bounded(pem, what));
        while (block.find()) {
            String type = block.group(1);
            if (type.equals("PRIVATE KEY")) {
                return pkcs8(block.group(2), what);
            }
            if (type.equals("EC PRIVATE KEY") || type.equals("RSA PRIVATE KEY")) {
                return older(block.group(), what);
            }
            if (type.endsWith("PRIVATE KEY")) {
                throw new ConfigException(
                        what + " holds a key of type \"" + type + "\"; give an unencrypted PKCS#8 key");
            }
        }
        throw new ConfigException(what + " does not hold a private key in PEM");
    }

    private static PrivateKey pkcs8(String base64, String what) throws ConfigException {
        byte[] der;
        try {
            der = Base64.getMimeDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new ConfigException(what + " does not hold base64 in its PEM", e);
        }
        for (String algorithm : List.of("EC", "RSA", "EdDSA")) {
            Optional<PrivateKey> key = pkcs8(algorithm, der, what);
            if (key.isPresent()) {
                return key.get();
            }
        }
        throw new ConfigException(what + " holds neither an EC nor an RSA nor an Ed25519 key");
    }

    private static Optional<PrivateKey> pkcs8(String algorithm, byte[] der, String what) throws ConfigException {
        try {
            return Optional.of(KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der)));
        } catch (InvalidKeySpecException e) {
            return Optional.empty();
        } catch (GeneralSecurityException e) {
            throw new ConfigException(what + ": no support for " + algorithm + " keys", e);
        }
    }

    private static PrivateKey older(String pem, String what) throws ConfigException {
        try (PEMParser parser = new PEMParser(new StringReader(pem))) {
            Object object = parser.readObject();
            if (object instanceof PEMKeyPair pair) {
                return new JcaPEMKeyConverter().getPrivateKey(pair.getPrivateKeyInfo());
            }
        } catch (IOException e) {
            throw new ConfigException(what + " holds a private key that cannot be read", e);
        }
        throw new ConfigException(what + " holds an encrypted private key; give an unencrypted one");
    }

    private static String bounded(String pem, String what) throws ConfigException {
        if (pem.length() > MAX_LENGTH) {
            throw new ConfigException(what + " is longer than " + MAX_LENGTH + " characters");
        }
        return pem;
    }
}
