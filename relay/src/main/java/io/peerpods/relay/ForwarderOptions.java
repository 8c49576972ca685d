package io.peerpods.relay;

import io.grpc.Status;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Forwarder} is made with.
 *
 * @param listen address and port, 15150 as a rule
 * @param agentSocket the unix socket of kata-agent; it may come later than the forwarder
 * @param transport the VM's side of the connection from the worker
 * @param edits the VM's changes to calls
 * @param refusal what every call is answered with instead of being forwarded; null to forward
 * @param agentPatience how long a call waits for kata-agent's socket
 * @param worker the address that the worker's connections come from: strangers cannot take its places; null when it is unknown
 */
public record ForwarderOptions(
        InetSocketAddress listen,
        Path agentSocket,
        Transport transport,
        AgentEdits edits,
        @Nullable Status refusal,
        Duration agentPatience,
        @Nullable InetAddress worker) {

    /** As long as the existing system waits. */
    public static final Duration AGENT_PATIENCE = Duration.ofSeconds(150);

    public static ForwarderOptions of(InetSocketAddress listen, Path agentSocket, Transport transport) {
        return new ForwarderOptions(listen, agentSocket, transport, AgentEdits.NONE, null, AGENT_PATIENCE, null);
    }

    public ForwarderOptions with(AgentEdits changes) {
        return new ForwarderOptions(listen, agentSocket, transport, changes, refusal, agentPatience, worker);
    }

    /** Every call fails with this status; for a VM whose network could not be set up. */
    public ForwarderOptions refusing(Status status) {
        return new ForwarderOptions(listen, agentSocket, transport, edits, status, agentPatience, worker);
    }

    public ForwarderOptions agentPatience(Duration limit) {
        return new ForwarderOptions(listen, agentSocket, transport, edits, refusal, limit, worker);
    }

    /** Connections from this address have places of their own while they are in their handshake. */
    public ForwarderOptions reservedFor(InetAddress address) {
        return new ForwarderOptions(listen, agentSocket, transport, edits, refusal, agentPatience, address);
    }
}
