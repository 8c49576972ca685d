package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.config.TlsSettings;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.Frame;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole agent path: caller, relay, TLS, forwarder, agent, over real sockets. */
class AgentPathTest {

    private static final String AGENT = "grpc.AgentService";
    private static TestTls tls;

    @TempDir
    static Path keys;

    @TempDir
    Path directory;

    private final List<AutoCloseable> toClose = new ArrayList<>();
    private Path agentSocket;
    private Path shimSocket;

    @BeforeAll
    static void makeCertificates() throws Exception {
        tls = new TestTls(keys);
    }

    @BeforeEach
    void choosePaths() {
        agentSocket = directory.resolve("kata/agent.sock");
        shimSocket = directory.resolve("pods/sandbox/agent.ttrpc");
    }

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable closeable : toClose.reversed()) {
            closeable.close();
        }
        assertThat(shimSocket).doesNotExist();
    }

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
            assertThat(agent.bodies.get(i)).as("seed %d call %d", seed, i).isEqualTo(body);
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
        assertThat(agent.bodies.getLast()).isEqualTo(call.toByteArray());
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
    void anAgentThatDoesNotReadAStreamHoldsItUpAndMissesNothing() throws Exception {
        int frames = 300;
        int length = 512 << 10; // more than all that may wait between the two
        CountDownLatch reading = new CountDownLatch(1);
        agent((connection, stream, body) -> {
            try {
                reading.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            for (int i = 0; i < frames; i++) {
                RawFrames.Received data = Objects.requireNonNull(connection.next());
                boolean mine = data.type() == Frame.DATA
                        && ByteBuffer.wrap(data.body()).getInt() == i;
                if (!mine || data.body().length != length) {
                    connection.send(stream, Frame.RESPONSE, 0, ("not frame " + i).getBytes(StandardCharsets.UTF_8));
                    return;
                }
            }
            connection.send(stream, Frame.RESPONSE, 0, "all".getBytes(StandardCharsets.UTF_8));
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        try (RawFrames shim = RawFrames.connect(shimSocket)) {
            AtomicInteger sent = new AtomicInteger();
            shim.write(Frame.of(1, Frame.REQUEST, 0, Caller.request("x.Streams", "Take", new byte[0], 0)));
            Thread sender = Thread.startVirtualThread(() -> {
                try {
                    for (int i = 0; i < frames; i++) {
                        byte[] data = ByteBuffer.allocate(length).putInt(0, i).array();
                        shim.write(Frame.of(1, Frame.DATA, 0, data));
                        sent.incrementAndGet();
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            int before;
            do {
                before = sent.get();
                Thread.sleep(300);
            } while (before == 0 || sent.get() != before);
            assertThat(sent.get()).isLessThan(frames);
            reading.countDown();
            sender.join();
            RawFrames.Received answer = Objects.requireNonNull(shim.next());
            assertThat(new String(answer.body(), StandardCharsets.UTF_8)).isEqualTo("all");
        }
    }

    @Test
    void aThousandCallsMayWaitWhileOthersPass() throws Exception {
        ConcurrentLinkedQueue<Runnable> waiting = new ConcurrentLinkedQueue<>();
        agent((connection, stream, body) -> {
            if (Request.parseFrom(body).getMethod().equals("WaitProcess")) {
                waiting.add(() -> {
                    try {
                        connection.send(stream, Frame.RESPONSE, 0, new byte[0]);
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                });
            } else {
                connection.send(stream, Frame.RESPONSE, 0, new byte[0]);
            }
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        List<CompletableFuture<byte[]>> answers = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            answers.add(caller.send(2 * i + 1, Caller.request(AGENT, "WaitProcess", new byte[0], 0)));
        }
        Eventually.until("all calls wait in the agent", () -> waiting.size() == 1000);
        assertThat(caller.call(3001, AGENT, "StatsContainer").getStatus().getCode())
                .isZero();
        assertThat(answers).noneMatch(CompletableFuture::isDone);
        waiting.forEach(Runnable::run);
        for (CompletableFuture<byte[]> answer : answers) {
            assertThat(Caller.await(answer).getStatus().getCode()).isZero();
        }
    }

    @Test
    void aCallerThatHangsUpCancelsItsCallsInTheAgent() throws Exception {
        RecordingAgent agent = agent((connection, stream, body) -> {});
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller caller = caller();
        CompletableFuture<byte[]> waiting = caller.send(1, Caller.request(AGENT, "WaitProcess", new byte[0], 0));
        Eventually.until("the call is in the agent", () -> agent.bodies.size() == 1);
        assertThat(agent.hangUps).hasValue(0);
        caller.close();
        Eventually.until("the agent's connection ends", () -> agent.hangUps.get() == 1);
        assertThat(waiting).isNotDone();
    }

    @Test
    void aCallerThatNeverSpeaksIsLeftAloneAndCostsNoConnection() throws Exception {
        RecordingAgent agent = agent(RecordingAgent.answering(new byte[0]));
        relayTo(forwarder(tls.vm()), tls.worker());
        Caller silent = caller();
        Caller caller = caller();
        assertThat(caller.call(1, AGENT, "GetGuestDetails").getStatus().getCode())
                .isZero();
        assertThat(agent.connections).hasValue(1);
        assertThat(silent.hasEnded()).isFalse();
    }

    @Test
    void callsMadeBeforeTheVmIsKnownWaitAndTheirTimeoutRunsOn() throws Exception {
        RecordingAgent agent = agent(RecordingAgent.answering(new byte[0]));
        Forwarder forwarder = forwarder(tls.vm());
        AgentRelay relay = relay(tls.worker());
        Caller caller = caller();
        long timeout = Duration.ofMinutes(10).toNanos();
        CompletableFuture<byte[]> answer = caller.send(1, Caller.request(AGENT, "CreateSandbox", new byte[3], timeout));
        Thread.sleep(50);
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
        agent((connection, stream, body) -> {
            byte[] frame = Frame.of(stream, Frame.RESPONSE, 0, large);
            connection.sendRaw(Arrays.copyOf(frame, 300_000));
            try {
                goOn.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            connection.sendRaw(Arrays.copyOfRange(frame, 300_000, frame.length));
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        try (RawFrames caller = RawFrames.connect(shimSocket)) {
            caller.write(Frame.of(1, Frame.REQUEST, 0, Caller.request(AGENT, "ReadStdout", new byte[0], 0)));
            assertThat(caller.header())
                    .isEqualTo(new RawFrames.Header(large.length, 1, (byte) Frame.RESPONSE, (byte) 0));
            caller.write(Frame.of(2, Frame.REQUEST, 0, new byte[0]));
            Thread.sleep(50); // for the refusal to be ready, should it ever go out too early
            goOn.countDown();
            assertThat(caller.body(large.length)).isEqualTo(large);
            RawFrames.Received refused = Objects.requireNonNull(caller.next());
            assertThat(refused.stream()).isEqualTo(2);
            assertThat(Response.parseFrom(refused.body()).getStatus().getMessage())
                    .contains("must be odd");
        }
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
                // Of streams that nobody has, or of types that no version has: REQUEST from an agent is one of them.
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
    void aCallerThatDoesNotReadStopsItsOwnAnswersAndNobodyElses() throws Exception {
        int calls = 64;
        byte[] large = new byte[1 << 20];
        new Random(12).nextBytes(large);
        AtomicInteger sent = new AtomicInteger();
        agent((connection, stream, body) -> {
            connection.send(stream, Frame.RESPONSE, 0, large);
            sent.incrementAndGet();
        });
        relayTo(forwarder(tls.vm()), tls.worker());
        try (RawFrames lazy = RawFrames.connect(shimSocket)) {
            for (int i = 0; i < calls; i++) {
                lazy.write(Frame.of(2 * i + 1, Frame.REQUEST, 0, Caller.request(AGENT, "ReadStdout", new byte[0], 0)));
            }
            Eventually.until("the agent answers", () -> sent.get() > 0);
            try (Caller other = caller()) {
                for (int i = 0; i < 20; i++) {
                    assertThat(other.call(2 * i + 1, Caller.request(AGENT, "ReadStdout", new byte[0], 0)))
                            .isEqualTo(large);
                }
            }
            assertThat(sent.get() - 20).isLessThan(calls);
            for (int i = 0; i < calls; i++) {
                RawFrames.Received answer = Objects.requireNonNull(lazy.next());
                assertThat(answer.stream()).isEqualTo(2 * i + 1);
                assertThat(answer.body()).isEqualTo(large);
            }
        }
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
        CompletableFuture<Void> checked = CompletableFuture.runAsync(() -> {
            try {
                relay.check(Eventually.LONG);
            } catch (StatusException e) {
                throw new java.util.concurrent.CompletionException(e);
            }
        });
        Thread.sleep(60);
        assertThat(checked).isNotDone();
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        checked.get(60, TimeUnit.SECONDS);
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
    void anAgentThatDoesNotServeIsNotReady() throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.NOT_SERVING)));
        AgentRelay relay = relayTo(forwarder(tls.vm()), tls.worker());
        assertThatThrownBy(() -> relay.check(Duration.ofMillis(300))).hasMessageContaining("NOT_SERVING");
    }

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
    void aRehearsalNeedsNoClientCertificateAndLeavesTheRealSideStrict(@TempDir Path strangersKeys) throws Exception {
        agent(RecordingAgent.answering(serving(HealthCheckResponse.ServingStatus.SERVING)));
        Transport vm = tls.vm();
        Rehearsal.of(vm);
        Forwarder forwarder = forwarder(vm);
        AgentRelay relay = relay(tls.stranger(strangersKeys));
        relay.agentAt(forwarder.address());
        assertThatThrownBy(() -> relay.check(Duration.ofSeconds(1))).isInstanceOf(StatusException.class);
        Rehearsal.of(Transport.plain());
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
        byte[] original = new byte[] {
            3 << 3 | 2,
            1,
            'p',
            9 << 3 | 2,
            1,
            'u',
            2 << 3 | 2,
            15,
            'C',
            'r',
            'e',
            'a',
            't',
            'e',
            'C',
            'o',
            'n',
            't',
            'a',
            'i',
            'n',
            'e',
            'r'
        };
        CompletableFuture<byte[]> edited = caller.send(1, original);
        assertThat(caller.call(3, AGENT, "StatsContainer").getStatus().getCode())
                .isZero();
        assertThat(caller.call(5, AGENT, "CreateNothing").getStatus().getMessage())
                .isEqualTo("not here");
        byte[] unchanged = Arrays.copyOf(original, original.length);
        unchanged[8] = 15;
        byte[] odd = Caller.request(AGENT, "CreateUnchanged", new byte[] {1, 2}, 7_000_000_000_000L);
        caller.call(7, odd);
        assertThat(agent.bodies.getLast()).isEqualTo(odd);
        release.countDown();
        assertThat(Caller.await(edited).getStatus().getCode()).isZero();
        Request arrived = Request.parseFrom(agent.bodies.getLast());
        assertThat(arrived.getPayload().toStringUtf8()).isEqualTo("p!");
        assertThat(arrived.getMethod()).isEqualTo("CreateContainer");
        assertThat(arrived.getUnknownFields().hasField(9)).isTrue();
    }

    @Test
    void theSocketIsPrivateAndReplacesAStaleOne() throws Exception {
        relay(tls.worker()).close();
        Files.createFile(shimSocket);
        relay(tls.worker());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(shimSocket)))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(shimSocket.getParent())))
                .isEqualTo("rwx------");
    }

    @Test
    void pathsThatKataCannotUseAreRefused() {
        Path tooLong = directory.resolve("x".repeat(120));
        assertThatThrownBy(() -> AgentRelay.listen(RelayOptions.of("pod VM x", tooLong, Transport.plain())))
                .hasMessageContaining("at most 107");
        Path colon = Path.of("/tmp/a:b/agent.ttrpc");
        assertThatThrownBy(() -> AgentRelay.listen(RelayOptions.of("pod VM x", colon, Transport.plain())))
                .hasMessageContaining("Kata cannot use");
    }

    @Test
    void closingTheRelayEndsDiallingAtOnce() throws Exception {
        AgentRelay relay = relay(tls.worker());
        relay.agentAt(new InetSocketAddress(InetAddress.getLoopbackAddress(), freePort()));
        CompletableFuture<Status> ended = new CompletableFuture<>();
        Thread.startVirtualThread(() -> {
            try {
                relay.connect(Duration.ofHours(1));
                ended.complete(Status.OK);
            } catch (StatusException e) {
                ended.complete(e.getStatus());
            }
        });
        Thread.sleep(50);
        relay.close();
        assertThat(ended.get(60, TimeUnit.SECONDS).getCode()).isEqualTo(Status.Code.CANCELLED);
    }

    @Test
    void aPortThatIsTakenIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            InetSocketAddress address = (InetSocketAddress) taken.getLocalSocketAddress();
            assertThatThrownBy(() -> Forwarder.listen(ForwarderOptions.of(address, agentSocket, Transport.plain())))
                    .hasMessageContaining("127.0.0.1:" + address.getPort())
                    .hasMessageContaining("in use");
        }
    }

    private RecordingAgent agent(RecordingAgent.Behaviour behaviour) throws IOException {
        RecordingAgent agent = new RecordingAgent(agentSocket, behaviour);
        toClose.add(agent);
        return agent;
    }

    private Forwarder forwarder(Transport transport) throws IOException {
        Forwarder forwarder = Forwarder.listen(ForwarderOptions.of(anyPort(), agentSocket, transport));
        toClose.add(forwarder);
        return forwarder;
    }

    private AgentRelay relay(Transport transport) throws IOException {
        AgentRelay relay = AgentRelay.listen(RelayOptions.of("pod VM " + TestTls.VM, shimSocket, transport));
        toClose.add(relay);
        return relay;
    }

    private AgentRelay relayTo(Forwarder forwarder, Transport transport) throws Exception {
        AgentRelay relay = relay(transport);
        relay.agentAt(forwarder.address());
        relay.connect(Eventually.LONG);
        return relay;
    }

    private Caller caller() throws IOException {
        Caller caller = Caller.connect(shimSocket);
        toClose.add(caller);
        return caller;
    }

    private static byte[] serving(HealthCheckResponse.ServingStatus status) {
        return Response.newBuilder()
                .setPayload(HealthCheckResponse.newBuilder()
                        .setStatus(status)
                        .build()
                        .toByteString())
                .build()
                .toByteArray();
    }

    /** Mostly requests, some of them with odd fields, sometimes mere bytes. */
    private static byte[] randomBody(Random random) {
        byte[] payload = new byte[random.nextInt(10) == 0 ? random.nextInt(300_000) : random.nextInt(2_000)];
        random.nextBytes(payload);
        return random.nextInt(5) == 0
                ? payload
                : Caller.request(AGENT, "Method" + random.nextInt(50), payload, random.nextLong());
    }

    private static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
