package io.peerpods.adaptor.sandbox;

import com.google.gson.JsonParser;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.adaptor.store.SandboxState;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.Credentials;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.TlsEndpoint;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.UserData;
import io.peerpods.network.PodNetworkException;
import io.peerpods.network.PodNetworkSpec;
import io.peerpods.relay.Rehearsal;
import io.peerpods.relay.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Goes once through what the first pod needs, with a pod that does not exist, so that the first one does not wait for what a Java program
 * does on its first certificate, its first netlink dump and its first TLS handshake. Leaves nothing; what fails here is left to the real one
 * to report.
 */
final class WarmUp {

    private static final Logger log = LoggerFactory.getLogger(WarmUp.class);
    private static final String ID = "warmup";
    private static final String NETWORK = """
            {"podip":"192.0.2.2/24","pod-hw-addr":"02:00:00:00:00:02","interface":"eth0","worker-node-ip":"192.0.2.1/24",
             "tunnel-type":"vxlan","routes":[{"dst":"0.0.0.0/0","gw":"192.0.2.1","dev":"eth0"}],"mtu":1450,"vxlan-port":4789,"vxlan-id":1}""";

    private final Surroundings around;
    private final LaunchSpecs specs;

    WarmUp(Surroundings around, LaunchSpecs specs) {
        this.around = around;
        this.specs = specs;
    }

    void run() {
        long begun = System.nanoTime();
        try {
            PodRequest pod = PodRequest.of(
                    ID,
                    Map.of(
                            "io.kubernetes.cri.sandbox-name", ID,
                            "io.kubernetes.cri.sandbox-namespace", ID,
                            "io.kubernetes.cri.sandbox-uid", ID));
            var certificate = specs.beginCertificate(ID, pod);
            inspect();
            PodNetworkSpec network =
                    PodNetworkSpec.fromJson(JsonParser.parseString(NETWORK).getAsJsonObject());
            LaunchSpec spec = specs.make(ID, pod, network, certificate.get());
            handshake(spec);
            Instant now = Instant.now();
            SandboxRow row = new SandboxRow(
                    SandboxState.CREATED,
                    "/proc/0/ns/net",
                    "0:0",
                    network,
                    spec,
                    Optional.empty(),
                    Optional.empty(),
                    now,
                    now);
            PodVm nowhere = new PodVm(ID, List.of(InetAddress.getByName("192.0.2.3")));
            int differences = around.tunnels().differences(row, nowhere).size();
            log.debug("warm after {} ms, {}", (System.nanoTime() - begun) / 1_000_000, differences);
        } catch (StatusException
                | ConfigException
                | PodNetworkException
                | IOException
                | ExecutionException
                | RuntimeException e) {
            log.debug("not everything is warm", e);
        } catch (InterruptedException e) {
            // The end of the adaptor.
            Thread.currentThread().interrupt();
        }
    }

    /** The adaptor's own namespace: it is refused, after it has been looked at. */
    private void inspect() {
        try {
            var _ = around.tunnels().inspect(ID, "/proc/self/ns/net", ID);
        } catch (StatusException e) {
            log.trace("looked at the adaptor's own namespace", e);
        }
    }

    private void handshake(LaunchSpec spec) throws ConfigException, IOException, InterruptedException {
        AgentConfig config = AgentConfig.parse(
                UserData.parse(spec.userData()).content(PodVmPaths.AGENT_CONFIG).orElseThrow());
        if (config.tlsServerKey().isEmpty()) {
            return;
        }
        TlsEndpoint endpoint = TlsEndpoint.server(
                Credentials.ofPem(config.tlsServerKey(), config.tlsServerCertificate(), ID),
                List.of(),
                TlsSettings.DEFAULT);
        Rehearsal.of(Transport.server(endpoint.context(), endpoint.parameters()));
        var _ = around.tls().endpoint(spec.name());
    }
}
