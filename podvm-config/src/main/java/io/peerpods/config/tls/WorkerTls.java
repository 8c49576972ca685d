package io.peerpods.config.tls;

import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.TlsSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;

/**
 * How the adaptor speaks TLS to its VMs, decided once at start. With its own CA (the default) each VM gets a certificate in its
 * own name and pins the adaptor's client certificate; with the operator's CA the VM's image brings both. Safe for use by
 * several threads.
 */
public final class WorkerTls {
    private final boolean disabled;
    private final boolean skipVerify;
    private final TlsSettings settings;
    private final Optional<CertificateAuthority> authority;
    private final List<X509Certificate> operatorsCa;
    private final Optional<Credentials> client;

    private WorkerTls(
            boolean disabled,
            boolean skipVerify,
            TlsSettings settings,
            Optional<CertificateAuthority> authority,
            List<X509Certificate> operatorsCa,
            Optional<Credentials> client) {
        this.disabled = disabled;
        this.skipVerify = skipVerify;
        this.settings = settings;
        this.authority = authority;
        this.operatorsCa = operatorsCa;
        this.client = client;
    }

    /** Plain TCP: the VM's image must be told so too. */
    public static WorkerTls disabled() {
        return new WorkerTls(true, false, TlsSettings.DEFAULT, Optional.empty(), List.of(), Optional.empty());
    }

    /**
     * Reads or makes what is needed.
     *
     * @param directory where the own CA and client key are kept
     * @param files {@code ca} selects the operator's CA; {@code certificate} and {@code key} the client's, only both together
     * @param skipVerify believe every server; the VM still gets its certificate and still checks the client
     */
    public static WorkerTls open(Path directory, TlsFiles files, boolean skipVerify, TlsSettings settings)
            throws ConfigException, IOException {
        Credentials client = files.hasCredentials()
                ? Credentials.read(Path.of(files.key()), Path.of(files.certificate()))
                : CertificateAuthority.openClient(directory);
        if (!Keys.belong(client)) {
            throw new ConfigException(files.key() + " is not the key of " + files.certificate());
        }
        boolean operators = !files.ca().isEmpty();
        return new WorkerTls(
                false,
                skipVerify,
                settings,
                operators ? Optional.empty() : Optional.of(CertificateAuthority.open(directory)),
                operators ? Credentials.readCertificates(Path.of(files.ca())) : List.of(),
                Optional.of(client));
    }

    public boolean isDisabled() {
        return disabled;
    }

    /** The configuration with what the VM of that name needs for its side. */
    public AgentConfig secure(AgentConfig config, String instanceName) {
        if (disabled || client.isEmpty()) {
            return config;
        }
        if (authority.isEmpty()) {
            return config.withTls("", "", "", settings);
        }
        Credentials server = authority.get().issue(instanceName);
        return config.withTls(
                server.keyPem(),
                server.certificatePem(),
                Credentials.pem(List.of(client.get().certificate())),
                settings);
    }

    /** This side of connections to the VM of that name; empty when TLS is off. */
    public Optional<TlsEndpoint> endpoint(String instanceName) {
        if (disabled || client.isEmpty()) {
            return Optional.empty();
        }
        Credentials own = client.get();
        if (skipVerify) {
            return Optional.of(TlsEndpoint.clientWithoutVerification(own, settings));
        }
        return Optional.of(
                authority.isPresent()
                        ? TlsEndpoint.client(own, authority.get().trusted(), instanceName, settings)
                        : TlsEndpoint.client(own, operatorsCa, TlsNames.MANUAL_SERVER, settings));
    }
}
