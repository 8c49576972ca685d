package io.peerpods.adaptor;

import io.grpc.stub.StreamObserver;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.config.userdata.UserData;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.relay.Forwarder;
import io.peerpods.relay.ForwarderOptions;
import io.peerpods.relay.Transport;
import io.peerpods.ttrpc.TtrpcServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

/** The far end of the agent path for the training run: the forwarder of a VM with an agent that only says that it serves. */
final class TrainingVm implements AutoCloseable {

    private final TtrpcServer agent;
    private final Forwarder forwarder;

    private TrainingVm(TtrpcServer agent, Forwarder forwarder) {
        this.agent = agent;
        this.forwarder = forwarder;
    }

    static TrainingVm start(String userData, Path directory) throws Exception {
        AgentConfig config =
                AgentConfig.parse(UserData.parse(userData).agentConfig().orElseThrow());
        TlsEndpoint endpoint = TlsEndpoint.server(
                Credentials.ofPem(config.tlsServerKey(), config.tlsServerCertificate(), "training"),
                Credentials.certificatesOfPem(config.tlsClientCa(), "training"),
                TlsSettings.DEFAULT);
        Path socket = directory.resolve("kata.sock");
        TtrpcServer agent = TtrpcServer.builder().addService(new Serving()).listen(UnixDomainSocketAddress.of(socket));
        try {
            Forwarder forwarder = Forwarder.listen(ForwarderOptions.of(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    socket,
                    Transport.server(endpoint.context(), endpoint.parameters())));
            return new TrainingVm(agent, forwarder);
        } catch (Exception e) {
            agent.close();
            throw e;
        }
    }

    InetSocketAddress address() {
        return forwarder.address();
    }

    @Override
    public void close() {
        forwarder.close();
        agent.close();
    }

    private static final class Serving extends HealthGrpc.HealthImplBase {
        @Override
        public void check(CheckRequest request, StreamObserver<HealthCheckResponse> caller) {
            caller.onNext(HealthCheckResponse.newBuilder()
                    .setStatus(HealthCheckResponse.ServingStatus.SERVING)
                    .build());
            caller.onCompleted();
        }
    }
}
