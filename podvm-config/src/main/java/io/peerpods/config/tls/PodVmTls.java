package io.peerpods.config.tls;

import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.TlsSettings;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;

/** How podvm-agent speaks TLS: from files in the VM's image where they are given, else from {@link AgentConfig}. */
public final class PodVmTls {
    private PodVmTls() {}

    /**
     * The server's side.
     *
     * @param files the image's own; each beats what the configuration brings
     * @param skipVerify let every client in
     * @throws ConfigException also when there is no authority to check clients against and {@code skipVerify} is not set: an agent
     *     that anybody may call runs anybody's containers
     */
    public static TlsEndpoint endpoint(AgentConfig config, TlsFiles files, boolean skipVerify) throws ConfigException {
        Credentials own = own(config, files);
        if (!Keys.belong(own)) {
            throw new ConfigException("the agent's TLS key does not belong to its certificate");
        }
        TlsSettings settings;
        try {
            settings = new TlsSettings(config.tlsMinVersion(), config.tlsCipherSuites());
        } catch (IllegalArgumentException e) {
            throw new ConfigException("the agent's configuration: " + e.getMessage(), e);
        }
        return TlsEndpoint.server(own, skipVerify ? List.of() : clients(config, files), settings);
    }

    private static Credentials own(AgentConfig config, TlsFiles files) throws ConfigException {
        if (files.hasCredentials()) {
            return Credentials.read(Path.of(files.key()), Path.of(files.certificate()));
        }
        if (config.tlsServerKey().isEmpty() || config.tlsServerCertificate().isEmpty()) {
            throw new ConfigException("no TLS key and certificate: the configuration brings none, so give the files"
                    + " (-cert-file, -cert-key) in the image, or switch TLS off on both sides (-disable-tls)");
        }
        return Credentials.ofPem(config.tlsServerKey(), config.tlsServerCertificate(), "the agent's configuration");
    }

    private static List<X509Certificate> clients(AgentConfig config, TlsFiles files) throws ConfigException {
        if (!files.ca().isEmpty()) {
            return Credentials.readCertificates(Path.of(files.ca()));
        }
        if (config.tlsClientCa().isEmpty()) {
            throw new ConfigException(
                    "no authority to check clients against: the configuration brings no tls-client-ca, so give"
                            + " -ca-cert-file in the image, or -tls-skip-verify to let everybody in");
        }
        return Credentials.certificatesOfPem(config.tlsClientCa(), "the agent's configuration (tls-client-ca)");
    }
}
