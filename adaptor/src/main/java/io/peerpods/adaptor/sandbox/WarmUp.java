package io.peerpods.adaptor.sandbox;

import com.google.gson.JsonParser;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.adaptor.store.SandboxState;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.config.userdata.UserData;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NewLink;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.relay.HandshakeWarmUp;
import io.peerpods.relay.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Goes through what the first pod needs, with a pod that does not exist, so that the first one does not wait for what a Java program does on
 * its first certificate, its first netlink dump and its first TLS handshake; what CreateVM does, several times, with pauses: compiled it takes a
 * third of the time. Leaves nothing; what fails here is left to the real one to report.
 */
final class WarmUp {

    private static final Logger log = LoggerFactory.getLogger(WarmUp.class);
    private static final String ID = "warmup";
    private static final String NETWORK = """
            {"podip":"192.0.2.2/24","pod-hw-addr":"02:00:00:00:00:02","interface":"eth0","worker-node-ip":"192.0.2.1/24",
             "tunnel-type":"vxlan","routes":[{"dst":"0.0.0.0/0","gw":"192.0.2.1","dev":"eth0"}],"mtu":1450,"vxlan-port":4789,"vxlan-id":1}""";

    private static final int ROUNDS = 50;
    private static final Duration PAUSE = Duration.ofMillis(10);

    private final SandboxContext context;
    private final LaunchSpecs specs;
    private final BooleanSupplier needless;

    /** @param needless true from the moment when a real pod does the same, and should have the processor to itself */
    WarmUp(SandboxContext context, LaunchSpecs specs, BooleanSupplier needless) {
        this.context = context;
        this.specs = specs;
        this.needless = needless;
    }

    void run() {
        long begun = System.nanoTime();
        try {
            PodRequest pod = PodRequest.of(
                    SandboxId.parse(ID),
                    Map.of(
                            "io.kubernetes.cri.sandbox-name", ID,
                            "io.kubernetes.cri.sandbox-namespace", ID,
                            "io.kubernetes.cri.sandbox-uid", ID));
            LaunchSpec spec = create(pod, "/proc/self/ns/net");
            handshake(spec);
            PodNetworkSpec network =
                    PodNetworkSpec.fromJson(JsonParser.parseString(NETWORK).getAsJsonObject());
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
            int differences = context.tunnels().differences(row, nowhere).size();
            log.debug("went once through a start in {} ms, {}", millisSince(begun), differences);
            createAgainAndAgain(pod);
            log.debug("warm after {} ms", millisSince(begun));
        } catch (StatusException
                | ConfigException
                | PodNetworkException
                | IOException
                | ExecutionException
                | RuntimeException
                | Error e) {
            log.debug("not everything is warm", e);
        } catch (InterruptedException e) {
            // The end of the adaptor.
            Thread.currentThread().interrupt();
        }
    }

    private void createAgainAndAgain(PodRequest pod)
            throws StatusException, PodNetworkException, ConfigException, IOException, ExecutionException,
                    InterruptedException {
        try (Netns netns = Netns.anonymous()) {
            try (Rtnl rtnl = Rtnl.open(netns)) {
                rtnl.addBridge(NewLink.of("eth0"));
                int eth0 = rtnl.requireLink("eth0").index();
                rtnl.addAddress(eth0, IpPrefix.of("192.0.2.2/24"));
                rtnl.setUp(eth0);
                rtnl.addRoute(Route.unicast(IpPrefix.IPV4_DEFAULT, IpAddresses.parse("192.0.2.1"), eth0));
            }
            for (int round = 0; round < ROUNDS && !needless.getAsBoolean(); round++) {
                LaunchSpec spec = create(pod, "/proc/self/fd/" + netns.fd());
                if (round % 5 == 0) {
                    handshake(spec);
                }
                Thread.sleep(PAUSE);
            }
        }
    }

    /** All of CreateVM but what it stores. The adaptor's own namespace is refused, after it has been looked at. */
    private LaunchSpec create(PodRequest pod, String netns)
            throws StatusException, PodNetworkException, ExecutionException, InterruptedException {
        var certificate = specs.beginCertificate(SandboxId.parse(ID), pod);
        PodNetworkSpec network;
        try {
            network = context.tunnels()
                    .inspect(SandboxId.parse(ID), netns, ID)
                    .spec()
                    .withTunnel(1, 1, 1);
        } catch (StatusException e) {
            log.trace("looked at {}", netns, e);
            network = PodNetworkSpec.fromJson(JsonParser.parseString(NETWORK).getAsJsonObject());
        }
        LaunchSpec spec = specs.make(SandboxId.parse(ID), pod, network, certificate.get());
        log.trace("{}", spec.name());
        return spec;
    }

    private static long millisSince(long begun) {
        return (System.nanoTime() - begun) / 1_000_000;
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
        HandshakeWarmUp.of(Transport.server(endpoint.context(), endpoint.parameters()));
        var _ = context.tls().endpoint(spec.name());
    }
}
