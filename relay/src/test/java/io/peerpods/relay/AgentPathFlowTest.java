package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.proto.ttrpc.Request;
import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Callers and agents that do not read, wait long or say nothing do not hold up the others of the agent path. */
class AgentPathFlowTest extends AgentPath {

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
            Eventually.settles("what was sent of the stream", sent::get);
            assertThat(sent.get()).isLessThan(frames);
            reading.countDown();
            sender.join();
            RawFrames.Received answer = Objects.requireNonNull(shim.next());
            assertThat(new String(answer.body(), StandardCharsets.UTF_8)).isEqualTo("all");
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
}
