package io.peerpods.config.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.TlsSettings;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TlsTest {
    private static final String VM = "podvm-nginx-01234567";

    @TempDir
    private Path directory;

    @Test
    void a_vms_certificate_has_the_shape_that_both_systems_expect() throws Exception {
        Instant before = Instant.now().minusSeconds(1);
        CertificateAuthority authority = CertificateAuthority.create();
        X509Certificate certificate = authority.issue(VM).certificate();
        assertThat(certificate.getSubjectX500Principal().getName()).contains("CN=" + VM, "O=agent-protocol-forwarder");
        assertThat(certificate.getSubjectAlternativeNames()).containsExactly(List.of(2, VM));
        assertThat(((ECPublicKey) certificate.getPublicKey())
                        .getParams()
                        .getOrder()
                        .bitLength())
                .isEqualTo(256);
        assertThat(certificate.getSerialNumber().bitLength()).isEqualTo(128);
        assertThat(certificate.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.1");
        assertThat(certificate.getBasicConstraints()).isEqualTo(-1);
        assertThat(certificate.getNotBefore().toInstant())
                .isBetween(before.minus(Duration.ofMinutes(5)), Instant.now().minus(Duration.ofMinutes(5)));
        assertThat(Duration.between(
                        certificate.getNotBefore().toInstant(),
                        certificate.getNotAfter().toInstant()))
                .isEqualTo(Duration.ofDays(730).plusMinutes(5));
        certificate.verify(authority.trusted().getFirst().getPublicKey());
        assertThat(authority.trusted().getFirst().getBasicConstraints()).isZero();
        assertThat(CertificateAuthority.client().certificate().getExtendedKeyUsage())
                .containsExactly("1.3.6.1.5.5.7.3.2");
        assertThat(CertificateAuthority.client()
                        .certificate()
                        .getSubjectX500Principal()
                        .getName())
                .isEqualTo("O=cloud-api-adaptor");
    }

    @Test
    void credentials_survive_pem() throws ConfigException {
        Credentials client = CertificateAuthority.client();
        assertThat(client.keyPem()).startsWith("-----BEGIN PRIVATE KEY-----\n").endsWith("-----END PRIVATE KEY-----\n");
        assertThat(Credentials.ofPem(client.keyPem(), client.certificatePem(), "test"))
                .isEqualTo(client);
        assertThat(client.toString()).doesNotContain("PRIVATE");
    }

    @Test
    void the_authority_and_the_client_survive_a_restart() throws Exception {
        WorkerTls first = open(TlsFiles.NONE, false);
        AgentConfig config = first.secure(AgentConfig.of("ns", "nginx", new JsonObject()), VM);
        WorkerTls second = open(TlsFiles.NONE, false);
        handshake(second.endpoint(VM).orElseThrow(), PodVmTls.endpoint(config, TlsFiles.NONE, false));
        for (String name : List.of("ca.key", "ca.crt", "client.key", "client.crt")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(
                            directory.resolve("tls").resolve(name))))
                    .as(name)
                    .isEqualTo("rw-------");
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("tls"))))
                .isEqualTo("rwx------");
    }

    @Test
    void an_authority_near_its_end_is_replaced_and_its_vms_stay_trusted() throws Exception {
        Instant past = Instant.now().minus(Duration.ofDays(500));
        CertificateAuthority old = CertificateAuthority.open(directory, InstantSource.fixed(past));
        Credentials oldVm = old.issue(VM);
        CertificateAuthority renewed = CertificateAuthority.open(directory);
        assertThat(renewed.trusted()).hasSize(2).contains(old.trusted().getFirst());
        assertThat(CertificateAuthority.open(directory).trusted()).isEqualTo(renewed.trusted());
        Credentials client = CertificateAuthority.client();
        for (Credentials vm : List.of(oldVm, renewed.issue(VM))) {
            handshake(
                    TlsEndpoint.client(client, renewed.trusted(), VM, TlsSettings.DEFAULT),
                    TlsEndpoint.server(vm, client.chain(), TlsSettings.DEFAULT));
        }
    }

    @Test
    void a_key_that_belongs_to_another_certificate_stops_the_start() throws Exception {
        CertificateAuthority.open(directory);
        Files.writeString(
                directory.resolve("ca.key"), CertificateAuthority.client().keyPem());
        assertThatThrownBy(() -> CertificateAuthority.open(directory))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("ca.key")
                .hasMessageNotContaining("BEGIN");
    }

    @Test
    void only_the_pinned_client_gets_in() throws Exception {
        WorkerTls worker = open(TlsFiles.NONE, false);
        TlsEndpoint vm = PodVmTls.endpoint(
                worker.secure(AgentConfig.of("ns", "nginx", new JsonObject()), VM), TlsFiles.NONE, false);
        handshake(worker.endpoint(VM).orElseThrow(), vm);
        WorkerTls stranger = WorkerTls.open(directory.resolve("stranger"), TlsFiles.NONE, true, TlsSettings.DEFAULT);
        assertThatThrownBy(() -> handshake(stranger.endpoint(VM).orElseThrow(), vm))
                .isInstanceOf(SSLException.class);
    }

    @Test
    void a_client_certificate_signed_by_the_pinned_one_does_not_get_in() throws Exception {
        Credentials pinned = CertificateAuthority.client();
        var keys = CertificateIssue.keyPair();
        var name = CertificateIssue.name(pinned.certificate().getSubjectX500Principal());
        X509Certificate signed = CertificateIssue.sign(pinned.key(), name, keys, name, Instant.now(), target -> {});
        CertificateAuthority authority = CertificateAuthority.create();
        TlsEndpoint vm = TlsEndpoint.server(authority.issue(VM), pinned.chain(), TlsSettings.DEFAULT);
        TlsEndpoint impostor = TlsEndpoint.client(
                new Credentials(keys.getPrivate(), List.of(signed)), authority.trusted(), VM, TlsSettings.DEFAULT);
        assertThatThrownBy(() -> handshake(impostor, vm)).isInstanceOf(SSLException.class);
    }

    @Test
    void a_vm_of_another_name_or_of_another_authority_is_not_believed_unless_told() throws Exception {
        WorkerTls worker = open(TlsFiles.NONE, false);
        AgentConfig config = worker.secure(AgentConfig.of("ns", "nginx", new JsonObject()), VM);
        TlsEndpoint vm = PodVmTls.endpoint(config, TlsFiles.NONE, false);
        assertThatThrownBy(
                        () -> handshake(worker.endpoint("podvm-other-01234567").orElseThrow(), vm))
                .isInstanceOf(SSLException.class);
        WorkerTls other = WorkerTls.open(directory.resolve("other"), TlsFiles.NONE, false, TlsSettings.DEFAULT);
        assertThatThrownBy(() -> handshake(other.endpoint(VM).orElseThrow(), vm))
                .isInstanceOf(SSLException.class);
        handshake(open(TlsFiles.NONE, true).endpoint("podvm-other-01234567").orElseThrow(), vm);
    }

    @Test
    void with_the_operators_authority_the_image_brings_the_vms_side() throws Exception {
        CertificateAuthority operators = CertificateAuthority.create();
        Path ca = Files.writeString(directory.resolve("ca.pem"), Credentials.pem(operators.trusted()));
        Credentials server = operators.issue(TlsNames.MANUAL_SERVER);
        Path key = Files.writeString(directory.resolve("vm.key"), server.keyPem());
        Path certificate = Files.writeString(directory.resolve("vm.crt"), server.certificatePem());
        Credentials client = CertificateAuthority.client();
        Path clientKey = Files.writeString(directory.resolve("client.key"), client.keyPem());
        Path clientCertificate = Files.writeString(directory.resolve("client.crt"), client.certificatePem());

        WorkerTls worker = open(new TlsFiles(ca.toString(), clientCertificate.toString(), clientKey.toString()), false);
        AgentConfig config = worker.secure(AgentConfig.of("ns", "nginx", new JsonObject()), VM);
        assertThat(config.tlsServerKey() + config.tlsServerCertificate() + config.tlsClientCa())
                .isEmpty();
        assertThatThrownBy(() -> PodVmTls.endpoint(config, TlsFiles.NONE, false))
                .hasMessageContaining("-cert-file");
        TlsFiles image = new TlsFiles(clientCertificate.toString(), certificate.toString(), key.toString());
        handshake(worker.endpoint(VM).orElseThrow(), PodVmTls.endpoint(config, image, false));
        TlsFiles noCa = new TlsFiles("", certificate.toString(), key.toString());
        assertThatThrownBy(() -> PodVmTls.endpoint(config, noCa, false)).hasMessageContaining("-ca-cert-file");
        handshake(worker.endpoint(VM).orElseThrow(), PodVmTls.endpoint(config, noCa, true));
        assertThat(directory.resolve("tls")).doesNotExist();
    }

    @Test
    void rsa_keys_of_an_operator_work_in_their_older_form_too() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        KeyPair keys = generator.generateKeyPair();
        Credentials ca = CertificateAuthority.client();
        X509Certificate certificate = CertificateIssue.sign(
                ca.key(),
                CertificateIssue.name(ca.certificate().getSubjectX500Principal()),
                keys,
                new X500Name("CN=operator"),
                Instant.now(),
                target -> {});
        byte[] pkcs1 = PrivateKeyInfo.getInstance(keys.getPrivate().getEncoded())
                .parsePrivateKey()
                .toASN1Primitive()
                .getEncoded();
        Credentials rsa =
                Credentials.ofPem(Pem.of("RSA PRIVATE KEY", pkcs1), Credentials.pem(List.of(certificate)), "operator");
        assertThat(rsa.key()).isEqualTo(keys.getPrivate());
        CertificateAuthority authority = CertificateAuthority.create();
        for (String version : List.of("", "VersionTLS13")) {
            TlsSettings settings = new TlsSettings(version, List.of());
            handshake(
                    TlsEndpoint.client(rsa, authority.trusted(), VM, settings),
                    TlsEndpoint.server(authority.issue(VM), rsa.chain(), settings));
        }
        assertThatThrownBy(() -> Credentials.ofPem(rsa.keyPem(), ca.certificatePem(), "mixed"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContainingAll("mixed", "RSA", "EC");
    }

    @Test
    void a_client_certificate_from_files_is_pinned_too() throws Exception {
        Credentials client = CertificateAuthority.client();
        Path key = Files.writeString(directory.resolve("client.key"), client.keyPem());
        Path certificate = Files.writeString(directory.resolve("client.crt"), client.certificatePem());
        WorkerTls worker = open(new TlsFiles("", certificate.toString(), key.toString()), false);
        AgentConfig config = worker.secure(AgentConfig.of("ns", "nginx", new JsonObject()), VM);
        assertThat(config.tlsClientCa()).isEqualTo(client.certificatePem());
        handshake(worker.endpoint(VM).orElseThrow(), PodVmTls.endpoint(config, TlsFiles.NONE, false));
    }

    @ParameterizedTest
    @CsvSource({
        "'', '', TLSv1.3",
        "VersionTLS12, '', TLSv1.3",
        "VersionTLS13, '', TLSv1.3",
        "VersionTLS12, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLSv1.3",
    })
    void both_sides_agree_on_the_settings(String version, String suite, String negotiated) throws Exception {
        TlsSettings settings = new TlsSettings(version, List.of(suite));
        WorkerTls worker = WorkerTls.open(directory.resolve("tls"), TlsFiles.NONE, false, settings);
        AgentConfig config = AgentConfig.parse(worker.secure(AgentConfig.of("ns", "nginx", new JsonObject()), VM)
                .toJson());
        assertThat(config.tlsMinVersion()).isEqualTo(version);
        SSLEngine client =
                handshake(worker.endpoint(VM).orElseThrow(), PodVmTls.endpoint(config, TlsFiles.NONE, false));
        assertThat(client.getSession().getProtocol()).isEqualTo(negotiated);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "VersionTLS10|",
                "VersionTLS11|",
                "1.3|",
                "VersionTLS13|TLS_AES_128_GCM_SHA256",
                "|TLS_NONSENSE",
                "|TLS_DH_anon_WITH_AES_128_GCM_SHA256",
                "|TLS_ECDHE_ECDSA_WITH_NULL_SHA"
            })
    void settings_that_mean_nothing_or_no_safety_are_refused(String bad) {
        List<String> parts = List.of(bad.split("\\|", -1));
        assertThatThrownBy(() -> new TlsSettings(parts.get(0), List.of(parts.get(1))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(parts.get(1).isEmpty() ? parts.get(0) : parts.get(1));
    }

    @Test
    void blanks_in_the_list_of_cipher_suites_are_dropped() {
        assertThat(new TlsSettings("", List.of(" TLS_AES_128_GCM_SHA256 ", "", " ")).cipherSuites())
                .containsExactly("TLS_AES_128_GCM_SHA256");
    }

    private WorkerTls open(TlsFiles files, boolean skipVerify) throws Exception {
        return WorkerTls.open(directory.resolve("tls"), files, skipVerify, TlsSettings.DEFAULT);
    }

    /** A whole handshake in memory with what follows it, so that a late refusal by the server is seen as well. */
    private static SSLEngine handshake(TlsEndpoint clientSide, TlsEndpoint serverSide) throws SSLException {
        SSLEngine client = clientSide.engine();
        SSLEngine server = serverSide.engine();
        client.beginHandshake();
        server.beginHandshake();
        ByteBuffer toServer = ByteBuffer.allocate(64 * 1024);
        ByteBuffer toClient = ByteBuffer.allocate(64 * 1024);
        for (int round = 0; round < 100; round++) {
            step(client, toClient, toServer);
            step(server, toServer, toClient);
            if (client.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING
                    && server.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING
                    && toServer.position() == 0
                    && toClient.position() == 0) {
                return client;
            }
        }
        throw new SSLException("the handshake does not end");
    }

    private static void step(SSLEngine engine, ByteBuffer in, ByteBuffer out) throws SSLException {
        ByteBuffer plain = ByteBuffer.allocate(64 * 1024);
        for (int i = 0; i < 50; i++) {
            switch (engine.getHandshakeStatus()) {
                case NEED_TASK -> {
                    for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                        task.run();
                    }
                }
                case NEED_WRAP -> engine.wrap(ByteBuffer.allocate(0), out);
                default -> {
                    if (in.position() == 0) {
                        return;
                    }
                    in.flip();
                    int consumed = engine.unwrap(in, plain).bytesConsumed();
                    in.compact();
                    plain.clear();
                    if (consumed == 0 && engine.getHandshakeStatus() == HandshakeStatus.NEED_UNWRAP) {
                        return;
                    }
                }
            }
        }
    }
}
