package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.config.Initdata;
import io.peerpods.config.tls.CertificateAuthority;
import io.peerpods.config.tls.Credentials;
import io.peerpods.daemon.BadSettingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdaptorConfigTest {

    @TempDir
    private Path directory;

    private static AdaptorConfig config(String... flags) throws BadSettingException {
        return AdaptorConfig.of(SettingsTable.of(new TrainingCloud()).parse(List.of(flags)));
    }

    @Test
    void theDefaultsAreTheExistingSystems() throws Exception {
        AdaptorConfig config = config();
        assertThat(config.socket()).hasToString("/run/peerpod/hypervisor.sock");
        assertThat(config.stateDirectory()).hasToString("/run/peerpod/state");
        assertThat(config.sandboxes().podsDirectory()).hasToString("/run/peerpod/pods");
        assertThat(config.sandboxes().agentPort()).isEqualTo(15150);
        assertThat(config.sandboxes().proxyTimeout()).isEqualTo(Duration.ofMinutes(5));
        assertThat(config.sandboxes().vxlanPort()).isEqualTo(4789);
        assertThat(config.sandboxes().vxlanMinId()).isEqualTo(555000);
        assertThat(config.probes().orElseThrow().getPort()).isEqualTo(8000);
        assertThat(config.metrics().orElseThrow().getPort()).isEqualTo(9464);
        assertThat(config.warnings()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-socket=relative | -socket (REMOTE_HYPERVISOR_ENDPOINT): \"relative\" is not an absolute path",
                "-pods-dir=/a:b | -pods-dir (PODS_DIR): \"/a:b\" contains one of : % ? #, which Kata cannot have in a socket's path",
                "-forwarder-port=0 | -forwarder-port (FORWARDER_PORT): \"0\" is not a port from 1 to 65535",
                "-vxlan-port=70000 | -vxlan-port (VXLAN_PORT): \"70000\" is not a port from 1 to 65535",
                "-vxlan-min-id=16777216 | -vxlan-min-id (VXLAN_MIN_ID): \"16777216\" is not a VXLAN network identifier from 1 to 16777215",
                "-tunnel-type=routing | -tunnel-type (TUNNEL_TYPE): \"routing\" is not vxlan, the one tunnel type there is",
                "-proxy-timeout=0 | -proxy-timeout (PROXY_TIMEOUT): \"PT0S\" is not a duration above 0",
                "-tls-min-version=VersionTLS11 | -tls-min-version (TLS_MIN_VERSION): \"VersionTLS11\" is refused: minimum TLS version \"VersionTLS11\" is not one of VersionTLS12 and VersionTLS13",
                "-cert-file=/x | -cert-file (CERT_FILE): \"/x\" needs -cert-key (CERT_KEY) too",
                "-cert-key=/x | -cert-key (CERT_KEY): \"/x\" needs -cert-file (CERT_FILE) too",
                "-tunnel-mtu=100 | -tunnel-mtu (TUNNEL_MTU): \"100\" is not 0 or a size from 576 to 65535",
                "-probe-port=65536 | -probe-port (PROBE_PORT): \"65536\" is not a port from 0 to 65535, or off",
                "-metrics-listen=unix:/x | -metrics-listen (METRICS_LISTEN): \"unix:/x\" is a unix socket; Prometheus needs <address>:<port>",
                "-cluster-id=a b | -cluster-id (CLUSTER_ID): \"a b\" is not at most 128 letters, digits and . _ : / @ -",
                "-api-service-address=10.96.0.300 | -api-service-address (KUBERNETES_SERVICE_HOST): \"10.96.0.300\" is not an IP address"
            })
    void aBadValueStopsTheStartInOneLine(String flag, String message) {
        assertThatThrownBy(() -> config(flag))
                .isInstanceOf(BadSettingException.class)
                .hasMessage(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-initdata=xyz | INITDATA",
                "-pod-subnet-cidrs=10.0.0.0/33 | POD_SUBNET_CIDRS",
                "-pod-subnet-cidrs=10.0.0.0 | write 10.0.0.0/32 for one address",
                "-tls-cipher-suites=TLS_NONE | TLS_CIPHER_SUITES",
                "-enable-cloud-provider-external-plugin | cannot be loaded here",
                "-cloud-provider-external-plugin-path=/x.so | cannot be loaded here",
                "-grpc-listen=0.0.0.0:9999 | -grpc-cert-file (GRPC_CERT_FILE) is missing",
                "-grpc-listen=nonsense | GRPC_LISTEN",
                "-grpc-cert-file=/x | is for gRPC over TCP",
                "-ca-cert-file=/nonexistent | CACERT_FILE"
            })
    void aBadValueIsNamed(String flag, String part) {
        assertThatThrownBy(() -> config(flag))
                .isInstanceOf(BadSettingException.class)
                .hasMessageContaining(part);
    }

    @Test
    void contradictionsAreNamed() {
        assertThatThrownBy(() -> config("-tls-skip-verify", "-ca-cert-file=/x"))
                .hasMessageContaining("-tls-skip-verify (TLS_SKIP_VERIFY)")
                .hasMessageContaining("contradicts -ca-cert-file (CACERT_FILE)");
        assertThatThrownBy(() -> config("-disable-tls", "-tls-min-version=VersionTLS13"))
                .hasMessageContaining("contradicts -tls-min-version (TLS_MIN_VERSION)");
        assertThatThrownBy(() -> config(
                        "-tls-min-version=VersionTLS13", "-tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"))
                .hasMessageContaining("TLS_CIPHER_SUITES");
    }

    @Test
    void certificatesAreReadAtTheStart() throws Exception {
        Credentials client = CertificateAuthority.client();
        Path key = Files.writeString(directory.resolve("key"), client.keyPem());
        Path certificate = Files.writeString(directory.resolve("crt"), client.certificatePem());
        Path broken = Files.writeString(
                directory.resolve("broken"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assertThat(config("-cert-file=" + certificate, "-cert-key=" + key)
                        .tlsFiles()
                        .certificate())
                .isEqualTo(certificate.toString());
        assertThatThrownBy(() -> config("-cert-file=" + broken, "-cert-key=" + key))
                .hasMessageContaining("CERT_FILE");
        assertThatThrownBy(() -> config("-ca-cert-file=" + broken)).hasMessageContaining("CACERT_FILE");
        List<String> grpc =
                List.of("-grpc-listen=127.0.0.1:0", "-grpc-cert-key=" + key, "-grpc-ca-file=" + certificate);
        assertThat(config(Stream.concat(grpc.stream(), Stream.of("-grpc-cert-file=" + certificate))
                                .toArray(String[]::new))
                        .grpcTls())
                .isPresent();
        assertThatThrownBy(() -> config(Stream.concat(grpc.stream(), Stream.of("-grpc-cert-file=" + broken))
                        .toArray(String[]::new)))
                .hasMessageContaining("GRPC_CERT_FILE");
    }

    @Test
    void offIsOffAndOldNamesStillWork() throws Exception {
        AdaptorConfig config = config("-grpc-listen=off", "-probe-port=off", "-metrics-listen=", "-peer-pods-dir=/old");
        assertThat(config.grpc()).isEmpty();
        assertThat(config.probes()).isEmpty();
        assertThat(config.metrics()).isEmpty();
        assertThat(config.sandboxes().podsDirectory()).hasToString("/old");
        assertThat(config("-peer-pods-dir=/old", "-pods-dir=/new").sandboxes().podsDirectory())
                .hasToString("/new");
    }

    @Test
    void initdataIsTakenInTheFormThatTravels() throws Exception {
        assertThat(config("-initdata=" + Initdata.dummy().encode()).sandboxes().initdata())
                .isPresent();
    }

    @Test
    void whatIsOddButWorksIsAWarning() throws Exception {
        assertThat(config("-pod-namespace=n").warnings())
                .anyMatch(warning -> warning.contains("no effect yet: POD_NAMESPACE"));
        assertThat(config("-node-name=n").warnings()).isEmpty();
        assertThat(config("-disable-tls").warnings()).anyMatch(warning -> warning.contains("DISABLE_TLS"));
        assertThat(config("-ext-network-via-podvm", "-api-service-address=10.96.0.1")
                        .warnings())
                .anyMatch(warning -> warning.contains("10.96.0.1"));
        assertThat(config("-api-service-address=api.example.com").warnings())
                .anyMatch(warning -> warning.contains("KUBERNETES_SERVICE_HOST"));
        assertThat(config("-pods-dir=/" + "p".repeat(40)).warnings()).anyMatch(warning -> warning.contains("PODS_DIR"));
    }

    @Test
    void theEnvironmentIsThePeerPodsConfigMap() throws Exception {
        var line = SettingsTable.of(new TrainingCloud());
        AdaptorConfig config = AdaptorConfig.of(line.parse(
                List.of("-vxlan-port=4790"),
                Map.of(
                        "VXLAN_PORT",
                        "4800",
                        "VXLAN_MIN_ID",
                        "7",
                        "EXTERNAL_NETWORK_VIA_PODVM",
                        "true",
                        "POD_SUBNET_CIDRS",
                        "10.244.0.0/16, 10.96.0.0/12")));
        assertThat(config.sandboxes().vxlanPort()).isEqualTo(4790);
        assertThat(config.sandboxes().vxlanMinId()).isEqualTo(7);
        assertThat(config.tunnels().externalNetwork()).isTrue();
        assertThat(config.tunnels().alwaysByTunnel().networks()).hasSize(2);
    }
}
