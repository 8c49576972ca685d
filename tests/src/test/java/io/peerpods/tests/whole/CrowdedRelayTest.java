package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import io.grpc.stub.StreamObserver;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.CertificateAuthority;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerPlan;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.relay.AgentRelay;
import io.peerpods.relay.Forwarder;
import io.peerpods.relay.ForwarderOptions;
import io.peerpods.relay.RelayOptions;
import io.peerpods.relay.Transport;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.Programs;
import io.peerpods.ttrpc.TtrpcChannel;
import io.peerpods.ttrpc.TtrpcServer;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Calls of pods that run are answered while the networks of twenty others are being set up by virtual threads. The set-ups that have
 * their turn are held inside a native call, which on a virtual thread would keep its carrier; the others wait for them. How fast the calls
 * are is measured by {@code make bench}.
 */
@NeedsProgram("mkfifo")
class CrowdedRelayTest {

    private static final int CROWD = 20;
    private static final int CALLS = 500;
    private static final Duration LONG = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    @Test
    void callsAreRelayedWhileSetUpsAreHeldInsideNativeWork() throws Exception {
        Path held = directory.resolve("netns");
        Programs.require("mkfifo", held.toString());
        Path agentSocket = directory.resolve("kata.sock");
        Path relayed = directory.resolve("agent.ttrpc");
        Credentials own = CertificateAuthority.client();
        TlsEndpoint vm = TlsEndpoint.server(own, List.of(own.certificate()), TlsSettings.DEFAULT);
        TlsEndpoint worker = TlsEndpoint.clientWithoutVerification(own, TlsSettings.DEFAULT);
        try (TtrpcServer agent = TtrpcServer.builder()
                        .addService(new Serving())
                        .listen(UnixDomainSocketAddress.of(agentSocket));
                Forwarder forwarder = Forwarder.listen(ForwarderOptions.of(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        agentSocket,
                        Transport.server(vm.context(), vm.parameters())));
                AgentRelay relay = AgentRelay.listen(RelayOptions.of(
                        "pod VM podvm-crowd",
                        relayed,
                        Transport.client(worker.context(), worker.parameters(), worker.serverName())));
                TtrpcChannel shim = TtrpcChannel.connect(UnixDomainSocketAddress.of(relayed))) {
            relay.agentAt(forwarder.address());
            List<FutureTask<Void>> setUps = setUps(held);
            List<Thread> crowd = setUps.stream().map(Thread::startVirtualThread).toList();
            try {
                for (Thread setUp : crowd) {
                    awaitParked(setUp);
                }
                for (int i = 0; i < CALLS; i++) {
                    check(shim);
                }
                assertThat(setUps).as("set-ups that ended").noneMatch(Future::isDone);
            } finally {
                release(held, crowd);
            }
            assertThat(agent.connections()).isEqualTo(1);
            for (FutureTask<Void> setUp : setUps) {
                assertThatThrownBy(setUp::get)
                        .as("what held it")
                        .rootCause()
                        .hasMessageContaining("open network namespace " + held);
            }
        }
    }

    /** Each would set up the worker's side of a pod whose namespace is a FIFO: to open one takes until a writer comes. */
    private static List<FutureTask<Void>> setUps(Path held) throws PodNetworkException {
        Executor executor = new Executor();
        NetnsRef netns = NetnsRef.of(held);
        List<FutureTask<Void>> setUps = new ArrayList<>();
        for (int i = 0; i < CROWD; i++) {
            PodNetworkSpec spec =
                    PodNetworkSpec.fromJson(JsonParser.parseString("""
                    {"podip":"10.244.1.2/24","pod-hw-addr":"02:ab:00:00:00:05","interface":"eth0",
                     "worker-node-ip":"192.0.2.1/24","tunnel-type":"vxlan","routes":[],"neighbors":null,
                     "mtu":1500,"index":0,"vxlan-port":4789,"vxlan-id":555000,"dedicated":false,
                     "external-net-via-pod-vm":false}
                    """).getAsJsonObject());
            Plan plan = WorkerPlan.of(
                    "crowd-" + i,
                    netns,
                    spec,
                    VmPeer.of(IpAddresses.parse("192.0.2.2"), 15150),
                    new WorkerPlan.Place(netns, "peerpods-crowd"));
            Journal journal = Journal.inMemory();
            setUps.add(new FutureTask<>(() -> {
                executor.apply(plan, journal);
                return null;
            }));
        }
        return setUps;
    }

    /** A virtual thread that blocks in native code is never seen to wait: its carrier is held, and it counts as running. */
    private static void awaitParked(Thread setUp) throws InterruptedException {
        long end = System.nanoTime() + LONG.toNanos();
        while (setUp.getState() != Thread.State.WAITING) {
            assertThat(System.nanoTime() - end)
                    .as("%s is %s and not parked while its native work is held", setUp, setUp.getState())
                    .isNegative();
            Thread.sleep(5);
        }
    }

    private static void release(Path held, List<Thread> crowd) throws Exception {
        // For reading and writing: such an open of a FIFO waits for no other side.
        try (RandomAccessFile writer = new RandomAccessFile(held.toFile(), "rw")) {
            for (Thread setUp : crowd) {
                assertThat(setUp.join(LONG)).as("%s ended", setUp).isTrue();
            }
            assertThat(writer.getFD().valid()).isTrue();
        }
    }

    private static void check(TtrpcChannel shim) {
        assertThat(HealthGrpc.newBlockingStub(shim)
                        .withDeadlineAfter(LONG.toSeconds(), TimeUnit.SECONDS)
                        .check(CheckRequest.getDefaultInstance())
                        .getStatus())
                .isEqualTo(HealthCheckResponse.ServingStatus.SERVING);
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
