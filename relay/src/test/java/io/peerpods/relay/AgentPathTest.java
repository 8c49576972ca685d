package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** The whole agent path: caller, relay, TLS, forwarder, agent, over real sockets. Every byte of calls and answers passes. */
class AgentPathTest extends AgentPath {

    @Test
    void everyByteOfCallsAndAnswersPasses() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<byte[]> answers = new ArrayList<>();
        for (int i = 0; i < 301; i++) {
            answers.add(randomBody(random));
        }
        ConcurrentLinkedQueue<byte[]> next = new ConcurrentLinkedQueue<>(answers);
        RecordingAgent agent =
                agent((connection, stream, body) -> connection.send(stream, Frame.RESPONSE, 0, next.remove()));
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        // A call that waits long for its connection goes on with what is left of its time: this one has no time limit.
        caller.call(1, new byte[0]);
        for (int i = 1; i < answers.size(); i++) {
            byte[] body = randomBody(random);
            assertThat(caller.call(2 * i + 1, body))
                    .as("seed %d answer %d", seed, i)
                    .isEqualTo(answers.get(i));
            assertPassed(body, agent.bodies.get(i), "seed " + seed + " call " + i);
        }
    }

    @Test
    void metadataTimeoutAndUnknownFieldsOfACallAndDetailsOfAnAnswerPass() throws Exception {
        byte[] status = com.google.rpc.Status.newBuilder()
                .setCode(5)
                .setMessage("Link not found: ünïcode")
                .addDetails(com.google.protobuf.Any.newBuilder()
                        .setTypeUrl("type.example/x")
                        .setValue(ByteString.copyFromUtf8("detail")))
                .build()
                .toByteArray();
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        answer.write(new byte[] {1 << 3 | 2, (byte) status.length});
        answer.write(status);
        RecordingAgent agent = agent(RecordingAgent.answering(answer.toByteArray()));
        relayTo(forwarder(tls.vm()), tls.worker());
        ByteArrayOutputStream call = new ByteArrayOutputStream();
        call.write(Request.newBuilder()
                .setService(AGENT)
                .setMethod("MethodOfTheFuture")
                .setTimeoutNano(Duration.ofDays(9).toNanos())
                .addMetadata(io.peerpods.proto.ttrpc.KeyValue.newBuilder()
                        .setKey("containerd-namespace-ttrpc")
                        .setValue("k8s.io"))
                .build()
                .toByteArray());
        call.write(new byte[] {15 << 3 | 2, 0}); // a field that no version has
        Caller caller = caller();
        // A call that waits long for its connection goes on with what is left of its time.
        caller.call(1, new byte[0]);
        assertThat(caller.call(3, call.toByteArray())).isEqualTo(answer.toByteArray());
        assertPassed(call.toByteArray(), agent.bodies.getLast(), "a call of the future");
    }

    @Test
    void framesUpToTheLimitPassAndLongerOnesAreRefusedWithoutEndingTheConnection() throws Exception {
        byte[] largest = new byte[Frame.MAX_DATA];
        Arrays.fill(largest, (byte) 0x78); // field 15, varint: parses as unknown fields
        RecordingAgent agent = agent(RecordingAgent.answering(largest));
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        assertThat(caller.call(1, largest)).isEqualTo(largest);
        assertThat(agent.bodies.getFirst()).isEqualTo(largest);

        byte[] tooLong = Frame.of(3, Frame.REQUEST, 0, new byte[Frame.MAX_DATA + 1]);
        Response refused = Caller.await(caller.sendRaw(3, tooLong));
        assertThat(refused.getStatus().getCode()).isEqualTo(8);
        assertThat(refused.getStatus().getMessage())
                .isEqualTo("message length 4194305 exceed maximum message size of 4194304");
        assertThat(caller.call(5, new byte[0])).isEqualTo(largest);
    }

    @Test
    void streamIdsThatTheProtocolForbidsAreAnsweredAndOutOfOrderOnesAreFine() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        agent((connection, stream, body) -> Thread.startVirtualThread(() -> {
            try {
                release.await();
                connection.send(stream, Frame.RESPONSE, 0, new byte[0]);
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        }));
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        assertThat(caller.call(2, AGENT, "GetOOMEvent").getStatus().getMessage())
                .contains("must be odd");
        CompletableFuture<byte[]> late = caller.send(9, Caller.request(AGENT, "GetOOMEvent", new byte[0], 0));
        CompletableFuture<byte[]> early = caller.send(0xffffffff, Caller.request(AGENT, "WaitProcess", new byte[0], 0));
        CompletableFuture<byte[]> again = caller.send(9, Caller.request(AGENT, "GetOOMEvent", new byte[0], 0));
        assertThat(Caller.await(again).getStatus().getMessage()).contains("cannot be re-used");
        release.countDown();
        assertThat(Caller.await(early).getStatus().getCode()).isZero();
        assertThat(late).isSameAs(again);
    }

    @Test
    void streamsOfDataPassInBothDirections() throws Exception {
        agent((connection, stream, body) -> {
            connection.send(stream, Frame.DATA, 0, "one".getBytes(StandardCharsets.UTF_8));
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        assertThat(caller().call(1, Caller.request("x.Streams", "Watch", new byte[0], 0)))
                .isEqualTo("one".getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void whateverElseAnAgentSendsAnswersComeWholeAndInTheirPlace() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        agent((connection, stream, body) -> {
            ByteArrayOutputStream sent = new ByteArrayOutputStream();
            for (int i = random.nextInt(4); i > 0; i--) {
                byte[] noise = new byte[random.nextInt(3) == 0 ? random.nextInt(200_000) : random.nextInt(50)];
                random.nextBytes(noise);
                // Of unknown streams, or of types that no version has: REQUEST from an agent is one of them.
                boolean known = random.nextBoolean();
                int type =
                        known ? 1 + random.nextInt(3) : random.nextBoolean() ? Frame.REQUEST : 4 + random.nextInt(200);
                sent.writeBytes(
                        Frame.of(known ? random.nextInt() | 1 << 30 : stream, type, random.nextInt(256), noise));
            }
            if (random.nextInt(25) == 0) {
                sent.writeBytes(Frame.of(stream, Frame.RESPONSE, 0, new byte[Frame.MAX_DATA + 1 + random.nextInt(9)]));
            } else {
                sent.writeBytes(Frame.of(stream, Frame.RESPONSE, 0, body));
            }
            byte[] all = sent.toByteArray();
            for (int at = 0, n; at < all.length; at += n) {
                n = Math.min(all.length - at, 1 + random.nextInt(random.nextBoolean() ? 20 : 300_000));
                connection.sendRaw(Arrays.copyOfRange(all, at, at + n));
            }
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        Random bodies = new Random(seed + 1);
        caller.call(1, new byte[0]); // as above
        for (int i = 1; i < 300; i++) {
            byte[] body = randomBody(bodies);
            byte[] answer = caller.call(2 * i + 1, body);
            if (!Arrays.equals(answer, body)) {
                assertThat(Response.parseFrom(answer).getStatus().getCode())
                        .as("seed %d call %d", seed, i)
                        .isEqualTo(Status.Code.RESOURCE_EXHAUSTED.value());
            }
        }
    }

    @Test
    void anAnswerThatIsCutInTheMiddleNeverLooksComplete() throws Exception {
        agent((connection, stream, body) -> connection.sendTheBeginning(stream, 3 << 20, 1 << 20));
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        CompletableFuture<byte[]> answer = caller.send(1, Caller.request(AGENT, "ReadStdout", new byte[0], 0));
        Eventually.until("the caller is hung up on", caller::hasEnded);
        assertThat(answer).isNotDone();
    }

    @Test
    void whatTheRelaySaysItselfNeverComesInsideAnAnswerThatIsOnItsWay() throws Exception {
        byte[] large = new byte[1 << 20];
        new Random(11).nextBytes(large);
        CountDownLatch goOn = new CountDownLatch(1);
        RecordingAgent agent = agent((connection, stream, body) -> {
            if (!Request.parseFrom(body).getMethod().equals("ReadStdout")) {
                return;
            }
            byte[] frame = Frame.of(stream, Frame.RESPONSE, 0, large);
            connection.sendRaw(Arrays.copyOf(frame, 300_000));
            Thread.startVirtualThread(() -> {
                try {
                    goOn.await();
                    connection.sendRaw(Arrays.copyOfRange(frame, 300_000, frame.length));
                } catch (IOException | InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        try (RawFrames caller = RawFrames.connect(shimSocket)) {
            caller.write(Frame.of(1, Frame.REQUEST, 0, Caller.request(AGENT, "ReadStdout", new byte[0], 0)));
            assertThat(caller.header())
                    .isEqualTo(new RawFrames.Header(large.length, 1, (byte) Frame.RESPONSE, (byte) 0));
            caller.write(Frame.of(2, Frame.REQUEST, 0, new byte[0]));
            // The relay has refused the call above by the time the agent has the one after it.
            caller.write(Frame.of(3, Frame.REQUEST, 0, Caller.request(AGENT, "WaitProcess", new byte[0], 0)));
            Eventually.until("the later call is in the agent", () -> agent.bodies.size() == 2);
            goOn.countDown();
            assertThat(caller.body(large.length)).isEqualTo(large);
            RawFrames.Received refused = Objects.requireNonNull(caller.next());
            assertThat(refused.stream()).isEqualTo(2);
            assertThat(Response.parseFrom(refused.body()).getStatus().getMessage())
                    .contains("must be odd");
        }
    }
}
