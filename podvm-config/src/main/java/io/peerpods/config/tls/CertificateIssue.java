package io.peerpods.config.tls;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * Makes one X.509 v3 certificate in the shape that all of ours have: P-256, ECDSA with SHA-256, valid from five minutes ago
 * (clocks of fresh VMs) for two years, a random serial of 128 bits. Keys and signatures are the JDK's; Bouncy Castle only
 * spells the DER.
 */
final class CertificateIssue {
    static final Duration BACKDATED = Duration.ofMinutes(5);
    static final Duration VALIDITY = Duration.ofDays(2 * 365);

    private static final SecureRandom RANDOM = new SecureRandom();

    private CertificateIssue() {}

    /** Adds what makes this certificate a CA's, a server's or a client's. */
    interface Extensions {
        void add(Target target) throws CertIOException;
    }

    /** Where extensions go. */
    interface Target {
        void add(ASN1ObjectIdentifier id, boolean critical, org.bouncycastle.asn1.ASN1Encodable value)
                throws CertIOException;
    }

    static KeyPair keyPair() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"), RANDOM);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java runtime makes no P-256 keys", e);
        }
    }

    static X509Certificate sign(
            PrivateKey issuerKey,
            X500Name issuer,
            KeyPair subjectKeys,
            X500Name subject,
            Instant now,
            Extensions extensions) {
        X509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                issuer,
                // The top bit set: always 128 bits, never zero or negative.
                new BigInteger(128, RANDOM).setBit(127),
                Date.from(now.minus(BACKDATED)),
                Date.from(now.plus(VALIDITY)),
                subject,
                subjectKeys.getPublic());
        try {
            extensions.add((id, critical, value) -> builder.addExtension(new Extension(id, critical, encoded(value))));
            return new JcaX509CertificateConverter()
                    .getCertificate(builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(issuerKey)));
        } catch (CertIOException | OperatorCreationException | GeneralSecurityException e) {
            throw new IllegalStateException("cannot make the certificate of " + subject, e);
        }
    }

    private static byte[] encoded(org.bouncycastle.asn1.ASN1Encodable value) throws CertIOException {
        try {
            return value.toASN1Primitive().getEncoded("DER");
        } catch (java.io.IOException e) {
            throw new CertIOException("cannot encode an extension", e);
        }
    }

    static X500Name name(X500Principal principal) {
        return X500Name.getInstance(principal.getEncoded());
    }
}
