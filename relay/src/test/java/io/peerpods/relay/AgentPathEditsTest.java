package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** The VM changes the calls that concern it, and no other byte. */
class AgentPathEditsTest extends AgentPath {

    @Test
    void aLongEditShortensTheTimeoutAndACallWhoseTimeIsOverGoesNowhere() throws Exception {
        AgentEdits slow = new AgentEdits() {
            @Override
            public boolean concern(String service, String method) {
                return true;
            }

            @Override
            public ByteString edit(String service, String method, ByteString payload) {
                try {
                    Thread.sleep(Duration.ofMillis(1_100));
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                return payload;
            }
        };
        RecordingAgent agent = agent(RecordingAgent.answering(new byte[0]));
        Forwarder forwarder = Forwarder.listen(
                ForwarderOptions.of(anyPort(), agentSocket, tls.vm()).with(slow));
        toClose.add(forwarder);
        relayTo(forwarder, tls.worker());
        Caller caller = caller();
        long hour = Duration.ofHours(1).toNanos();
        CompletableFuture<byte[]> patient = caller.send(1, Caller.request(AGENT, "A", new byte[0], hour));
        Response late = Caller.await(caller.send(
                3, Caller.request(AGENT, "B", new byte[0], Duration.ofSeconds(1).toNanos())));
        assertThat(late.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED.value());
        assertThat(Caller.await(patient).getStatus().getCode()).isZero();
        assertThat(agent.bodies).hasSize(1);
        Request arrived = Request.parseFrom(agent.bodies.getFirst());
        assertThat(arrived.getMethod()).isEqualTo("A");
        assertThat(arrived.getTimeoutNano())
                .isBetween(1L, hour - Duration.ofSeconds(1).toNanos());
    }

    @Test
    void editsChangeOnlyTheirMethodsAndNobodyWaitsForAnEdit() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        AgentEdits edits = new AgentEdits() {
            @Override
            public boolean concern(String service, String method) {
                return method.startsWith("Create");
            }

            @Override
            public ByteString edit(String service, String method, ByteString payload) throws StatusException {
                if (method.equals("CreateNothing")) {
                    throw Status.PERMISSION_DENIED.withDescription("not here").asException();
                }
                if (method.equals("CreateUnchanged")) {
                    return payload;
                }
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                return payload.concat(ByteString.copyFromUtf8("!"));
            }
        };
        RecordingAgent agent = agent(RecordingAgent.answering(new byte[0]));
        Forwarder forwarder = Forwarder.listen(
                ForwarderOptions.of(anyPort(), agentSocket, tls.vm()).with(edits));
        toClose.add(forwarder);
        relayTo(forwarder, tls.worker());
        Caller caller = caller();
        byte[] original = oddlyOrdered("CreateContainer");
        CompletableFuture<byte[]> edited = caller.send(1, original);
        assertThat(caller.call(3, AGENT, "StatsContainer").getStatus().getCode())
                .isZero();
        assertThat(caller.call(5, AGENT, "CreateNothing").getStatus().getMessage())
                .isEqualTo("not here");
        byte[] unchanged = oddlyOrdered("CreateUnchanged");
        caller.call(7, unchanged);
        assertThat(agent.bodies.getLast()).isEqualTo(unchanged);
        byte[] timed = Caller.request(AGENT, "CreateUnchanged", new byte[] {1, 2}, 7_000_000_000_000L);
        caller.call(9, timed);
        assertPassed(timed, agent.bodies.getLast(), "a call with a time limit");
        release.countDown();
        assertThat(Caller.await(edited).getStatus().getCode()).isZero();
        Request arrived = Request.parseFrom(agent.bodies.getLast());
        assertThat(arrived.getPayload().toStringUtf8()).isEqualTo("p!");
        assertThat(arrived.getMethod()).isEqualTo("CreateContainer");
        assertThat(arrived.getUnknownFields().hasField(9)).isTrue();
    }

    /** A request as no library writes it: the payload {@code p} first, then a field that no version has, then the method. */
    private static byte[] oddlyOrdered(String method) {
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.writeBytes(new byte[] {3 << 3 | 2, 1, 'p', 9 << 3 | 2, 1, 'u', 2 << 3 | 2, (byte) method.length()});
        request.writeBytes(method.getBytes(StandardCharsets.US_ASCII));
        return request.toByteArray();
    }
}
