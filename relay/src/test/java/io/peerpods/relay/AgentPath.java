package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** The whole agent path of one pod, made anew for each test: caller, relay, TLS, forwarder, agent, over real sockets. */
abstract class AgentPath {
    static final String AGENT = "grpc.AgentService";
    static TestTls tls;

    @TempDir
    static Path keys;

    @TempDir
    Path directory;

    final List<AutoCloseable> toClose = new ArrayList<>();
    Path agentSocket;
    Path shimSocket;

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

    RecordingAgent agent(RecordingAgent.Behaviour behaviour) throws IOException {
        RecordingAgent agent = new RecordingAgent(agentSocket, behaviour);
        toClose.add(agent);
        return agent;
    }

    Forwarder forwarder(Transport transport) throws IOException {
        Forwarder forwarder = Forwarder.listen(ForwarderOptions.of(anyPort(), agentSocket, transport));
        toClose.add(forwarder);
        return forwarder;
    }

    AgentRelay relay(Transport transport) throws IOException {
        AgentRelay relay = AgentRelay.listen(RelayOptions.of("pod VM " + TestTls.VM, shimSocket, transport));
        toClose.add(relay);
        return relay;
    }

    AgentRelay relayTo(Forwarder forwarder, Transport transport) throws Exception {
        AgentRelay relay = relay(transport);
        relay.agentAt(forwarder.address());
        relay.connect(Eventually.LONG);
        return relay;
    }

    Caller caller() throws IOException {
        Caller caller = Caller.connect(shimSocket);
        toClose.add(caller);
        return caller;
    }

    static byte[] serving(HealthCheckResponse.ServingStatus status) {
        return Response.newBuilder()
                .setPayload(HealthCheckResponse.newBuilder()
                        .setStatus(status)
                        .build()
                        .toByteString())
                .build()
                .toByteArray();
    }

    /** Mostly requests, some of them with odd fields, sometimes mere bytes. */
    static byte[] randomBody(Random random) {
        byte[] payload = new byte[random.nextInt(10) == 0 ? random.nextInt(300_000) : random.nextInt(2_000)];
        random.nextBytes(payload);
        return random.nextInt(5) == 0
                ? payload
                : Caller.request(AGENT, "Method" + random.nextInt(50), payload, random.nextLong());
    }

    static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Every byte is the caller's; when the machine took its time, only the time limit has become shorter. */
    static void assertPassed(byte[] sent, byte[] arrived, String which) throws IOException {
        if (Arrays.equals(sent, arrived)) {
            return;
        }
        Request before = Request.parseFrom(sent);
        Request after = Request.parseFrom(arrived);
        assertThat(after.getTimeoutNano()).as(which).isBetween(1L, before.getTimeoutNano() - 1);
        assertThat(after.toBuilder().setTimeoutNano(before.getTimeoutNano()).build())
                .as(which)
                .isEqualTo(before);
    }
}
