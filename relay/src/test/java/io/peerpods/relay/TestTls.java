package io.peerpods.relay;

import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.CertificateAuthority;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsEndpoint;
import java.nio.file.Path;
import java.util.List;

/** The certificates of one worker and its VMs, as the adaptor makes them. */
final class TestTls {

    static final String VM = "podvm-nginx-0a1b2c3d";

    private final CertificateAuthority authority;
    private final Credentials client;
    private final Credentials server;

    TestTls(Path directory) throws Exception {
        authority = CertificateAuthority.open(directory);
        client = CertificateAuthority.openClient(directory);
        server = authority.issue(VM);
    }

    Transport vm(TlsSettings settings) {
        TlsEndpoint endpoint = TlsEndpoint.server(server, List.of(client.certificate()), settings);
        return Transport.server(endpoint.context(), endpoint.parameters());
    }

    Transport vm() {
        return vm(TlsSettings.DEFAULT);
    }

    Transport worker(String expectedName, TlsSettings settings) {
        return of(TlsEndpoint.client(client, authority.trusted(), expectedName, settings));
    }

    Transport worker() {
        return worker(VM, TlsSettings.DEFAULT);
    }

    Transport workerThatSkipsVerification() {
        return of(TlsEndpoint.clientWithoutVerification(client, TlsSettings.DEFAULT));
    }

    /** A worker with the same CA and a client certificate that the VM does not know. */
    Transport stranger(Path directory) throws Exception {
        return of(TlsEndpoint.client(
                CertificateAuthority.openClient(directory), authority.trusted(), VM, TlsSettings.DEFAULT));
    }

    private static Transport of(TlsEndpoint endpoint) {
        return Transport.client(endpoint.context(), endpoint.parameters(), endpoint.serverName());
    }
}
