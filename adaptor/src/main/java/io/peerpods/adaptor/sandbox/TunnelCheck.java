package io.peerpods.adaptor.sandbox;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.cloud.PodVm;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.LinuxException;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.worker.TunnelProbe;
import io.peerpods.proto.tunnelprobe.ReceivedRequest;
import io.peerpods.proto.tunnelprobe.ReceivedResponse;
import io.peerpods.relay.AgentRelay;
import java.net.InetAddress;
import java.time.Duration;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sure that a pod's tunnel carries frames before StartVM says so: a firewall that drops its UDP port is otherwise noticed in
 * the pod only. It costs a round trip through the tunnel. An unanswered probe counts only when the VM says that it answers probes.
 */
final class TunnelCheck implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(TunnelCheck.class);

    /** More than a round trip takes; then the VM is asked whether it answers at all, which a VM of the existing system does not. */
    private static final Duration USUAL = Duration.ofMillis(20);

    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final Duration QUESTION = Duration.ofSeconds(5);

    private final PodNetworkSpec network;
    private final InetAddress vm;
    private final @Nullable TunnelProbe probe;

    /**
     * @param vm the VM's end of the tunnel
     * @param probe null to check nothing
     */
    TunnelCheck(PodNetworkSpec network, InetAddress vm, @Nullable TunnelProbe probe) {
        this.network = network;
        this.vm = vm;
        this.probe = probe;
    }

    /** For a tunnel that is built on the worker. Where frames cannot be sent, a log line says so and nothing is checked. */
    static TunnelCheck open(WorkerTunnels tunnels, SandboxRow row, PodVm vm) {
        try {
            return new TunnelCheck(row.network(), vm.tunnel(), tunnels.probe(row));
        } catch (LinuxException e) {
            log.warn("the tunnel is not probed: {}", e.getMessage());
            return new TunnelCheck(row.network(), vm.tunnel(), null);
        }
    }

    /**
     * Returns when a probe was answered, or the VM does not answer probes. The VM's network is up.
     *
     * @param left of the time that the start may take
     * @throws PodNetworkException naming port, addresses and direction when no probe comes back
     */
    void require(AgentRelay relay, Duration left) throws PodNetworkException, InterruptedException {
        TunnelProbe sending = probe;
        if (sending == null) {
            return;
        }
        try {
            require(sending, relay, left.compareTo(LIMIT) < 0 ? left : LIMIT);
        } catch (LinuxException e) {
            log.warn("the tunnel is not probed: {}", e.getMessage());
        }
    }

    private void require(TunnelProbe sending, AgentRelay relay, Duration limit)
            throws PodNetworkException, InterruptedException {
        long begun = System.nanoTime();
        if (sending.isAnswered(USUAL)) {
            log.debug("the tunnel answered after {} us", (System.nanoTime() - begun) / 1000);
            return;
        }
        OptionalInt received = received(sending, relay);
        if (received.isEmpty() || sending.isAnswered(limit)) {
            return;
        }
        OptionalInt late = received(sending, relay);
        throw new PodNetworkException(failure(late.isPresent() ? late : received, limit));
    }

    /** What the VM has got; empty when it cannot say, and so perhaps does not answer either. */
    private OptionalInt received(TunnelProbe sending, AgentRelay relay) {
        ReceivedRequest request =
                ReceivedRequest.newBuilder().setNonce(sending.nonce()).build();
        try {
            return OptionalInt.of(ReceivedResponse.parseFrom(
                            relay.call("peerpods.TunnelProbe", "Received", request.toByteString(), QUESTION))
                    .getProbes());
        } catch (StatusException | InvalidProtocolBufferException e) {
            log.info("the VM's forwarder does not answer probes of the tunnel: {}", e.getMessage());
            return OptionalInt.empty();
        }
    }

    private String failure(OptionalInt received, Duration limit) {
        String worker = IpAddresses.text(network.worker().address());
        String peer = IpAddresses.text(vm);
        int count = received.orElse(0);
        String outward = "the worker " + worker + " to the VM " + peer;
        String homeward = "the VM " + peer + " to the worker " + worker;
        int port = network.vxlanPort();
        return "its packets do not pass its tunnel: UDP port " + port + " is dropped from "
                + (count == 0 ? outward : homeward) + " ("
                + (count == 0 ? "no probe reached the VM" : count + " probes reached the VM, no answer came back")
                + " in " + limit.toMillis() + " ms); allow UDP port " + port
                + " both ways in the firewalls of worker and VM and in the cloud's security groups";
    }

    @Override
    public void close() {
        if (probe != null) {
            probe.close();
        }
    }
}
