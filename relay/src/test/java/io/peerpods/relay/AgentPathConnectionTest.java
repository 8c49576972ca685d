package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The relay waits for its VM and for its agent, says why they do not come, and takes new connections for broken ones. */
class AgentPathConnectionTest extends AgentPath {

    @Test
    void callsMadeBeforeTheVmIsKnownWaitAndTheirTimeoutRunsOn() throws Exception {
        RecordingAgent agent = agent(RecordingAgent.answering(new byte[0]));
        Forwarder forwarder = forwarder(tls.vm());
        AgentRelay relay = relay(tls.worker());
        Caller caller = caller();
        long timeout = Duration.ofMinutes(10).toNanos();
        CompletableFuture<byte[]> answer = caller.send(1, Caller.request(AGENT, "CreateSandbox", new byte[3], timeout));
        // When the time of a later caller's call is over, at least as much of the first one's is.
        long shorter = Duration.ofMillis(100).toNanos();
        Response over = Caller.await(caller().send(1, Caller.request(AGENT, "GetGuestDetails", new byte[0], shorter)));
        assertThat(over.getStatus().getMessage()).contains("not known yet");
        assertThat(answer).isNotDone();
        relay.agentAt(forwarder.address());
        assertThat(Caller.await(answer).getStatus().getCode()).isZero();
        Request arrived = Request.parseFrom(agent.bodies.getFirst());
        assertThat(arrived.getTimeoutNano()).isLessThan(timeout - 10_000_000).isPositive();
        assertThat(arrived.getPayload()).hasSize(3);
        assertThat(arrived.getMethod()).isEqualTo("CreateSandbox");
    }

    @Test
    void aCallWhoseTimeoutIsOverBeforeAConnectionStandsIsToldSo() throws Exception {
        relay(tls.worker());
        byte[] call = Caller.request(
                AGENT, "CreateSandbox", new byte[0], Duration.ofMillis(30).toNanos());
        assertThat(Caller.await(caller().send(1, call)).getStatus().getMessage())
                .contains("pod VM " + TestTls.VM)
                .contains("not known yet");
    }

    @Test
    void whenTheConnectionBreaksCallsOnTheirWayFailNamingTheVmAndLaterOnesPassAgain() throws Exception {
        RecordingAgent agent = agent((connection, stream, body) -> {
            if (!Request.parseFrom(body).getMethod().equals("WaitProcess")) {
                connection.send(stream, Frame.RESPONSE, 0, new byte[0]);
            }
        });
        Forwarder first = forwarder(tls.vm());
        relayTo(first, tls.worker());
        Caller caller = caller();
        CompletableFuture<byte[]> waiting = caller.send(1, Caller.request(AGENT, "WaitProcess", new byte[0], 0));
        Eventually.until("the call is in the agent", () -> agent.bodies.size() == 1);
        first.close();
        Response failed = Caller.await(waiting);
        assertThat(failed.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE.value());
        assertThat(failed.getStatus().getMessage())
                .contains("pod VM " + TestTls.VM)
                .contains("127.0.0.1:" + first.address().getPort())
                .contains("broke");
        toClose.add(Forwarder.listen(ForwarderOptions.of(first.address(), agentSocket, tls.vm())));
        assertThat(caller.call(3, AGENT, "StatsContainer").getStatus().getCode())
                .isZero();
        assertThat(caller.hasEnded()).isFalse();
    }

    @Test
    void whenTheAgentItselfGoesItsCallsFailNamingItAndTheWorkersConnectionStays() throws Exception {
        RecordingAgent agent = agent((connection, stream, body) -> {
            if (!Request.parseFrom(body).getMethod().equals("WaitProcess")) {
                connection.send(stream, Frame.RESPONSE, 0, new byte[0]);
            }
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        CompletableFuture<byte[]> waiting = caller.send(1, Caller.request(AGENT, "WaitProcess", new byte[0], 0));
        Eventually.until("the call is in the agent", () -> agent.bodies.size() == 1);
        agent.hangUpOnAll();
        assertThat(Caller.await(waiting).getStatus().getMessage())
                .contains("kata-agent")
                .contains("broke");
        assertThat(caller.call(3, AGENT, "StatsContainer").getStatus().getCode())
                .isZero();
    }

    @Test
    void checkPassesTheAgentsOwnWordOn() throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        AgentRelay relay = relayTo(forwarder(tls.vm()), tls.worker());
        relay.check(Eventually.LONG);
        // The checked connection is the caller's afterwards, and its numbers begin anew.
        assertThat(caller().call(1, "grpc.Health", "Check").getStatus().getCode())
                .isZero();
    }

    @Test
    void checkWaitsForAnAgentThatComesLate() throws Exception {
        AgentRelay relay = relayTo(forwarder(tls.vm()), tls.worker());
        FutureTask<Boolean> checked = new FutureTask<>(() -> {
            relay.check(Eventually.LONG);
            return true;
        });
        Thread checking = Thread.startVirtualThread(checked);
        Eventually.waits(checking);
        assertThat(checked.isDone()).isFalse();
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        assertThat(checked.get(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void anAgentThatDoesNotServeIsNotReady() throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.NOT_SERVING)));
        AgentRelay relay = relayTo(forwarder(tls.vm()), tls.worker());
        // The first answer of a loaded machine may take longer than a short limit.
        Duration limit = Duration.ofMillis(300);
        StatusException why = refusal(relay, limit);
        while (!String.valueOf(why.getMessage()).contains("NOT_SERVING") && limit.compareTo(Eventually.LONG) < 0) {
            limit = limit.multipliedBy(2);
            why = refusal(relay, limit);
        }
        assertThat(why).hasMessageContaining("NOT_SERVING");
    }

    @Test
    void aVmThatRefusesEverythingSaysWhyToCheckAndToEveryCall() throws Exception {
        Status why = Status.FAILED_PRECONDITION.withDescription("pod network: Link vxlan eth0: errno 17 File exists");
        Forwarder forwarder = Forwarder.listen(
                ForwarderOptions.of(anyPort(), agentSocket, tls.vm()).refusing(why));
        toClose.add(forwarder);
        AgentRelay relay = relayTo(forwarder, tls.worker());
        assertThatThrownBy(() -> relay.check(Eventually.LONG)).isInstanceOfSatisfying(StatusException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(e.getStatus().getDescription()).isEqualTo(why.getDescription());
        });
        Response refused = caller().call(1, AGENT, "CreateContainer");
        assertThat(refused.getStatus().getCode()).isEqualTo(9);
        assertThat(refused.getStatus().getMessage()).isEqualTo(why.getDescription());
    }

    @Test
    void closingTheRelayEndsDiallingAtOnce() throws Exception {
        AgentRelay relay = relay(tls.worker());
        relay.agentAt(new InetSocketAddress(InetAddress.getLoopbackAddress(), freePort()));
        CompletableFuture<Status> ended = new CompletableFuture<>();
        Thread dialling = Thread.startVirtualThread(() -> {
            try {
                relay.connect(Duration.ofHours(1));
                ended.complete(Status.OK);
            } catch (StatusException e) {
                ended.complete(e.getStatus());
            }
        });
        Eventually.waits(dialling);
        assertThat(ended).isNotDone();
        relay.close();
        assertThat(ended.get(60, TimeUnit.SECONDS).getCode()).isEqualTo(Status.Code.CANCELLED);
    }

    private static StatusException refusal(AgentRelay relay, Duration limit) {
        return catchThrowableOfType(StatusException.class, () -> relay.check(limit));
    }
}
