package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.config.TlsSettings;
import io.peerpods.proto.agent.HealthCheckResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may talk to whom on the agent path. */
class AgentPathTlsTest extends AgentPath {

    @Test
    void aVmWithAnotherNameIsNotTalkedTo() throws Exception {
        Forwarder forwarder = forwarder(tls.vm());
        AgentRelay relay = relay(tls.worker("podvm-other-99999999", TlsSettings.DEFAULT));
        relay.agentAt(forwarder.address());
        assertThatThrownBy(() -> relay.connect(Eventually.LONG))
                .isInstanceOfSatisfying(
                        StatusException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED))
                .hasMessageContaining("podvm-other-99999999");
    }

    @Test
    void verificationCanBeSwitchedOff() throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        relayTo(forwarder(tls.vm()), tls.workerThatSkipsVerification()).check(Eventually.LONG);
    }

    @Test
    void tlsCanBeSwitchedOffOnBothSides() throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        relayTo(forwarder(Transport.plain()), Transport.plain()).check(Eventually.LONG);
    }

    @Test
    void theMinimumVersionOfEitherSideCounts() throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        TlsSettings oldOnly = new TlsSettings("", List.of("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"));
        relayTo(forwarder(tls.vm(oldOnly)), tls.worker(TestTls.VM, new TlsSettings("VersionTLS13", List.of())))
                .check(Eventually.LONG);
    }

    @Test
    void aStrangersCertificateOpensNothing(@TempDir Path strangersKeys) throws Exception {
        RecordingAgent agent = agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        Forwarder forwarder = forwarder(tls.vm());
        AgentRelay relay = relay(tls.stranger(strangersKeys));
        relay.agentAt(forwarder.address());
        assertThatThrownBy(() -> relay.check(Duration.ofSeconds(1))).isInstanceOf(StatusException.class);
        assertThat(agent.connections).hasValue(0);
    }

    @Test
    void theWarmUpNeedsNoClientCertificateAndLeavesTheRealSideStrict(@TempDir Path strangersKeys) throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        Transport vm = tls.vm();
        HandshakeWarmUp.of(vm);
        Forwarder forwarder = forwarder(vm);
        AgentRelay relay = relay(tls.stranger(strangersKeys));
        relay.agentAt(forwarder.address());
        assertThatThrownBy(() -> relay.check(Duration.ofSeconds(1))).isInstanceOf(StatusException.class);
        HandshakeWarmUp.of(Transport.plain());
    }

    @Test
    void garbageOnThePortHarmsNobody() throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        Forwarder forwarder = forwarder(tls.vm());
        byte[] garbage = new byte[64 << 10];
        new Random(7).nextBytes(garbage);
        for (int i = 0; i < 20; i++) {
            try (Socket socket = new Socket(
                    InetAddress.getLoopbackAddress(), forwarder.address().getPort())) {
                socket.getOutputStream().write(garbage);
            } catch (IOException hungUpEarly) {
                // Just what it should do.
            }
        }
        relayTo(forwarder, tls.worker()).check(Eventually.LONG);
    }
}
