package io.peerpods.config.tls;

import io.peerpods.config.ConfigException;
import io.peerpods.config.PrivateFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;

/**
 * The adaptor's own CA, which gives each pod VM a server certificate in the VM's name, and the adaptor's client certificate,
 * which is pinned in each VM. Both are kept in a directory (0700, keys 0600), so that a restarted adaptor still reaches
 * its old VMs. Safe for use by several threads.
 */
public final class CertificateAuthority {
    private static final String CA_ORGANISATION = "agent-protocol-forwarder";
    private static final String CLIENT_ORGANISATION = "cloud-api-adaptor";
    // A CA that would run out before what it signs is replaced; VMs of the old one stay trusted.
    private static final Duration RENEW_BEFORE = Duration.ofDays(365);

    private final Credentials signer;
    private final List<X509Certificate> trusted;
    private final InstantSource clock;

    private CertificateAuthority(Credentials signer, List<X509Certificate> trusted, InstantSource clock) {
        this.signer = signer;
        this.trusted = List.copyOf(trusted);
        this.clock = clock;
    }

    /** A new CA that is kept nowhere. */
    public static CertificateAuthority create() {
        return create(InstantSource.system());
    }

    static CertificateAuthority create(InstantSource clock) {
        Credentials signer = selfSigned(clock);
        return new CertificateAuthority(signer, signer.chain(), clock);
    }

    /** The CA kept in a directory, made on first use. One process at a time opens a directory. */
    public static CertificateAuthority open(Path directory) throws ConfigException, IOException {
        return open(directory, InstantSource.system());
    }

    static CertificateAuthority open(Path directory, InstantSource clock) throws ConfigException, IOException {
        Path key = directory.resolve("ca.key");
        Path certificates = directory.resolve("ca.crt");
        List<X509Certificate> known = new ArrayList<>();
        if (Files.exists(key) && Files.exists(certificates)) {
            Credentials kept = Credentials.read(key, certificates);
            if (!Keys.belong(kept)) {
                throw new ConfigException(key + " does not belong to the first certificate of " + certificates
                        + "; remove both to begin anew (VMs that run now become unreachable)");
            }
            if (left(kept, clock).compareTo(RENEW_BEFORE) >= 0) {
                return new CertificateAuthority(kept, kept.chain(), clock);
            }
            known.addAll(kept.chain());
        }
        Credentials fresh = selfSigned(clock);
        known.addFirst(fresh.certificate());
        store(directory, "ca", new Credentials(fresh.key(), known));
        return new CertificateAuthority(fresh, known, clock);
    }

    /** The adaptor's client certificate kept in a directory, made on first use and again when it has expired. */
    public static Credentials openClient(Path directory) throws ConfigException, IOException {
        Path key = directory.resolve("client.key");
        Path certificate = directory.resolve("client.crt");
        if (Files.exists(key) && Files.exists(certificate)) {
            Credentials kept = Credentials.read(key, certificate);
            if (Keys.belong(kept) && left(kept, InstantSource.system()).isPositive()) {
                return kept;
            }
        }
        Credentials fresh = client();
        store(directory, "client", fresh);
        return fresh;
    }

    private static void store(Path directory, String name, Credentials credentials) throws IOException {
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(
                    directory,
                    java.nio.file.attribute.PosixFilePermissions.asFileAttribute(
                            java.nio.file.attribute.PosixFilePermissions.fromString("rwx------")));
        }
        // The certificate last: one without the other is made again, a key that belongs to another certificate never is
        // there.
        Files.deleteIfExists(directory.resolve(name + ".crt"));
        PrivateFiles.write(directory.resolve(name + ".key"), credentials.keyPem(), "rw-------");
        PrivateFiles.write(directory.resolve(name + ".crt"), credentials.certificatePem(), "rw-------");
    }

    private static Duration left(Credentials credentials, InstantSource clock) {
        return Duration.between(
                clock.instant(), credentials.certificate().getNotAfter().toInstant());
    }

    /** Whom the adaptor trusts to be a VM of its own: the present CA first, then those that it had before. */
    public List<X509Certificate> trusted() {
        return trusted;
    }

    /**
     * A key and a certificate for one VM; takes a few milliseconds.
     *
     * @param instanceName the VM's name, which the adaptor later expects to find in the certificate
     */
    public Credentials issue(String instanceName) {
        KeyPair keys = CertificateIssue.keyPair();
        X500Name subject = new X500NameBuilder(BCStyle.INSTANCE)
                .addRDN(BCStyle.O, CA_ORGANISATION)
                .addRDN(BCStyle.CN, instanceName)
                .build();
        X509Certificate certificate = CertificateIssue.sign(
                signer.key(),
                CertificateIssue.name(signer.certificate().getSubjectX500Principal()),
                keys,
                subject,
                clock.instant(),
                target -> {
                    target.add(Extension.basicConstraints, true, new BasicConstraints(false));
                    target.add(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
                    target.add(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth));
                    target.add(
                            Extension.subjectAlternativeName,
                            false,
                            new GeneralNames(new GeneralName(GeneralName.dNSName, instanceName)));
                });
        return new Credentials(keys.getPrivate(), List.of(certificate));
    }

    /** A new client certificate, self-signed: a VM pins it. */
    public static Credentials client() {
        KeyPair keys = CertificateIssue.keyPair();
        X500Name name = organisation(CLIENT_ORGANISATION);
        X509Certificate certificate = CertificateIssue.sign(
                keys.getPrivate(), name, keys, name, InstantSource.system().instant(), target -> {
                    target.add(Extension.basicConstraints, true, new BasicConstraints(false));
                    target.add(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
                    target.add(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_clientAuth));
                });
        return new Credentials(keys.getPrivate(), List.of(certificate));
    }

    private static Credentials selfSigned(InstantSource clock) {
        KeyPair keys = CertificateIssue.keyPair();
        X500Name name = organisation(CA_ORGANISATION);
        X509Certificate certificate =
                CertificateIssue.sign(keys.getPrivate(), name, keys, name, clock.instant(), target -> {
                    target.add(Extension.basicConstraints, true, new BasicConstraints(0));
                    target.add(
                            Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.digitalSignature));
                });
        return new Credentials(keys.getPrivate(), List.of(certificate));
    }

    private static X500Name organisation(String organisation) {
        return new X500NameBuilder(BCStyle.INSTANCE)
                .addRDN(BCStyle.O, organisation)
                .build();
    }
}
