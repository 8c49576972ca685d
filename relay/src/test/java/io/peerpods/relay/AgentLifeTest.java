package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** kata-agent's birth and death as the shim sees them, over the whole agent path. */
class AgentLifeTest {

    private static final String AGENT = "grpc.AgentService";
    private static final Duration LONGER_THAN_THE_TEST = Duration.ofHours(1);
    private static TestTls tls;

    @TempDir
    static Path keys;

    @TempDir
    Path directory;

    private final List<AutoCloseable> toClose = new ArrayList<>();

    @BeforeAll
    static void makeCertificates() throws Exception {
        tls = new TestTls(keys);
    }

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable closeable : toClose.reversed()) {
            closeable.close();
        }
    }

    @Test
    void anAgentThatRemovesItsOwnSocketIsReachedByEveryLaterConnection() throws Exception {
        RecordingAgent agent = agent(this::likeKata);
        relayTo(forwarder(LONGER_THAN_THE_TEST));
        assertThat(code(caller().call(1, AGENT, "CreateSandbox"))).isZero();
        assertThat(agentSocket()).doesNotExist();
        for (int i = 0; i < 3; i++) {
            try (Caller again = Caller.connect(shimSocket())) {
                assertThat(code(again.call(1, AGENT, "StatsContainer"))).isZero();
            }
        }
        assertThat(agent.connections.get()).isGreaterThanOrEqualTo(4);
    }

    @Test
    void whenTheAgentDiesItsCallsEndAndTheShimIsHungUpOn() throws Exception {
        RecordingAgent agent = agent(this::likeKata);
        relayTo(forwarder(LONGER_THAN_THE_TEST));
        Caller silent = caller();
        Caller shim = caller();
        assertThat(code(shim.call(1, AGENT, "CreateSandbox"))).isZero();
        CompletableFuture<byte[]> waiting = shim.send(3, Caller.request(AGENT, "WaitProcess", new byte[0], 0));
        Eventually.until("the call is in the agent", () -> agent.bodies.size() == 2);
        agent.close();
        assertThat(Caller.await(waiting).getStatus().getMessage()).contains("kata-agent");
        Eventually.until("the shim is hung up on", shim::hasEnded);
        Eventually.until("and on its second connection", silent::hasEnded);
    }

    @Test
    void aDeadAgentIsNotWaitedFor() throws Exception {
        RecordingAgent agent = agent(this::likeKata);
        AgentRelay relay = relayTo(forwarder(LONGER_THAN_THE_TEST));
        Caller shim = caller();
        assertThat(code(shim.call(1, AGENT, "CreateSandbox"))).isZero();
        agent.close();
        Eventually.until("the shim is hung up on", shim::hasEnded);
        Caller later = caller();
        Response refused = later.call(1, AGENT, "StatsContainer");
        assertThat(code(refused)).isEqualTo(Status.Code.UNAVAILABLE.value());
        assertThat(refused.getStatus().getMessage())
                .contains("kata-agent (" + agentSocket() + ")")
                .contains("has ended");
        Eventually.until("a later caller is hung up on too", later::hasEnded);
        assertThatThrownBy(() -> relay.check(LONGER_THAN_THE_TEST)).hasMessageContaining("has ended");
    }

    @Test
    void anAgentThatIsStartedAgainIsReachedAgain() throws Exception {
        RecordingAgent first = agent(this::likeKata);
        relayTo(forwarder(LONGER_THAN_THE_TEST));
        assertThat(code(caller().call(1, AGENT, "GetGuestDetails"))).isZero();
        first.close();
        RecordingAgent second = agent(this::likeKata);
        Eventually.until("the second agent is called", () -> {
            try (Caller later = Caller.connect(shimSocket())) {
                return code(later.call(1, AGENT, "CreateSandbox")) == 0;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
        assertThat(second.bodies).isNotEmpty();
    }

    @Test
    void anAgentThatNeverComesIsNamedWithItsSocketAndHowLongItWasWaitedFor() throws Exception {
        relayTo(forwarder(Duration.ofMillis(300)));
        Response refused = caller().call(1, AGENT, "GetGuestDetails");
        assertThat(code(refused)).isEqualTo(Status.Code.UNAVAILABLE.value());
        assertThat(refused.getStatus().getMessage())
                .contains("kata-agent (" + agentSocket() + ")")
                .contains("300 ms");
    }

    @Test
    void aCallersShorterPatienceStillGetsTheAgentsName() throws Exception {
        relayTo(forwarder(LONGER_THAN_THE_TEST));
        byte[] call = Caller.request(
                AGENT, "GetGuestDetails", new byte[0], Duration.ofSeconds(5).toNanos());
        assertThat(Caller.await(caller().send(1, call)).getStatus().getMessage())
                .contains("kata-agent (" + agentSocket() + ")")
                .contains("has not come within");
    }

    /** A check tries again until its time is over; on a loaded machine a short one may not get as far as the agent. */
    @Test
    void aCheckNamesTheAgentThatNeverComes() throws Exception {
        AgentRelay relay = relayTo(forwarder(Duration.ofMillis(300)));
        String name = "kata-agent (" + agentSocket() + ")";
        Duration limit = Duration.ofSeconds(1);
        StatusException why = refusal(relay, limit);
        while (!String.valueOf(why.getMessage()).contains(name) && limit.compareTo(Eventually.LONG) < 0) {
            limit = limit.multipliedBy(2);
            why = refusal(relay, limit);
        }
        assertThat(why).hasMessageContaining(name).hasMessageContaining("has not come within");
    }

    private static StatusException refusal(AgentRelay relay, Duration limit) {
        return catchThrowableOfType(StatusException.class, () -> relay.check(limit));
    }

    @Test
    void halfOpenConnectionsOfOneStrangerDoNotShutTheWorkerOut() throws Exception {
        RecordingAgent _ = agent(this::likeKata);
        Forwarder forwarder = patientWithHandshakes(options());
        for (int i = 0; i < 40; i++) {
            stranger("127.0.0.2", forwarder);
        }
        relayTo(forwarder);
        assertThat(code(caller().call(1, AGENT, "GetGuestDetails"))).isZero();
    }

    /** Thirty-two places, eight of one address: these strangers take all that there are. */
    @Test
    void noNumberOfStrangersTakesThePlacesOfTheWorker() throws Exception {
        RecordingAgent _ = agent(this::likeKata);
        Forwarder forwarder = patientWithHandshakes(options().reservedFor(InetAddress.getLoopbackAddress()));
        List<Socket> strangers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            strangers.add(stranger("127.0.1." + (1 + i % 20), forwarder));
        }
        Eventually.until("places are refused", () -> strangers.stream().anyMatch(AgentLifeTest::isHungUpOn));
        relayTo(forwarder);
        assertThat(code(caller().call(1, AGENT, "GetGuestDetails"))).isZero();
    }

    @Test
    void theWorkersPlacesAreBoundedToo() throws Exception {
        InetAddress worker = InetAddress.getLoopbackAddress();
        HandshakeSlots slots = new HandshakeSlots(2, 3, worker);
        for (int i = 1; i <= 3; i++) {
            assertThat(slots.take(InetAddress.getByName("127.0.1." + i))).isTrue();
        }
        assertThat(slots.take(InetAddress.getByName("127.0.1.4"))).isFalse();
        assertThat(slots.take(worker)).isTrue();
        assertThat(slots.take(worker)).isTrue();
        assertThat(slots.take(worker)).isFalse();
        slots.release(worker);
        assertThat(slots.take(InetAddress.getByName("127.0.1.4"))).isFalse();
        assertThat(slots.take(worker)).isTrue();
        slots.release(InetAddress.getByName("127.0.1.1"));
        assertThat(slots.take(InetAddress.getByName("127.0.1.4"))).isTrue();
    }

    /** The places of strangers stay taken: the worker does not get in because they have given up. */
    private Forwarder patientWithHandshakes(ForwarderOptions options) throws IOException {
        Forwarder forwarder = Forwarder.listen(options, LONGER_THAN_THE_TEST);
        toClose.add(forwarder);
        return forwarder;
    }

    private ForwarderOptions options() throws IOException {
        return ForwarderOptions.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), agentSocket(), tls.vm());
    }

    private Socket stranger(String address, Forwarder forwarder) throws IOException {
        Socket stranger = new Socket();
        toClose.add(stranger);
        stranger.bind(new InetSocketAddress(address, 0));
        stranger.connect(forwarder.address());
        return stranger;
    }

    private static boolean isHungUpOn(Socket socket) {
        try {
            socket.setSoTimeout(1);
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException open) {
            return false;
        } catch (IOException reset) {
            return true;
        }
    }

    @Test
    void aFailureInOneConnectionDoesNotEndTheAcceptLoop() throws Exception {
        Path socket = directory.resolve("loop.sock");
        AtomicInteger admitted = new AtomicInteger();
        try (ServerSocketChannel listener = Sockets.listen(socket)) {
            Thread loop = Thread.startVirtualThread(new AcceptLoop("test", listener, accepted -> {
                if (admitted.incrementAndGet() <= 2) {
                    throw new OutOfMemoryError("as a test has it");
                }
            }));
            for (int i = 0; i < 3; i++) {
                Sockets.connect(socket).close();
            }
            Eventually.until("all were admitted", () -> admitted.get() == 3);
            assertThat(loop.isAlive()).isTrue();
        }
    }

    private void likeKata(RecordingAgent.Connection connection, int stream, byte[] body) throws IOException {
        String method = Request.parseFrom(body).getMethod();
        if (method.equals("CreateSandbox")) {
            Files.delete(agentSocket());
        }
        if (!method.equals("WaitProcess")) {
            connection.send(stream, Frame.RESPONSE, 0, new byte[0]);
        }
    }

    private Path agentSocket() {
        return directory.resolve("kata/agent.sock");
    }

    private Path shimSocket() {
        return directory.resolve("pods/sandbox/agent.ttrpc");
    }

    private RecordingAgent agent(RecordingAgent.Behaviour behaviour) throws IOException {
        RecordingAgent agent = new RecordingAgent(agentSocket(), behaviour);
        toClose.add(agent);
        return agent;
    }

    private Forwarder forwarder(Duration patience) throws IOException {
        Forwarder forwarder = Forwarder.listen(
                ForwarderOptions.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), agentSocket(), tls.vm())
                        .agentPatience(patience));
        toClose.add(forwarder);
        return forwarder;
    }

    private AgentRelay relayTo(Forwarder forwarder) throws Exception {
        AgentRelay relay = AgentRelay.listen(RelayOptions.of("pod VM " + TestTls.VM, shimSocket(), tls.worker()));
        toClose.add(relay);
        relay.agentAt(forwarder.address());
        relay.connect(Eventually.LONG);
        return relay;
    }

    private Caller caller() throws IOException {
        Caller caller = Caller.connect(shimSocket());
        toClose.add(caller);
        return caller;
    }

    private static int code(Response response) {
        return response.getStatus().getCode();
    }
}
