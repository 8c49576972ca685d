package io.peerpods.relay;

import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What an {@link AgentRelay} is made with.
 *
 * @param peer whom it relays to, for messages: {@code pod VM podvm-nginx-0a1b2c3d}
 * @param socket where the shim connects; at most 107 bytes, without ':', '%', '?' and '#'
 * @param transport the worker's side of the connection to the VM
 * @param edits the worker's changes to calls
 * @param dialling how long the relay dials on its own, when a caller comes and no connection stands (PROXY_TIMEOUT)
 * @param threads what moves the bytes, shared with other relays; null for a thread of its own
 * @param vm what the VM's provider says of it
 */
public record RelayOptions(
        String peer,
        Path socket,
        Transport transport,
        AgentEdits edits,
        Duration dialling,
        @Nullable RelayThreads threads,
        PeerState vm) {

    /** The default of PROXY_TIMEOUT. */
    public static final Duration DIALLING = Duration.ofMinutes(5);

    /** Without edits, dialling for the default time, on a thread of its own. */
    public static RelayOptions of(String peer, Path socket, Transport transport) {
        return new RelayOptions(peer, socket, transport, AgentEdits.NONE, DIALLING, null, PeerState.UNKNOWN);
    }

    public RelayOptions with(AgentEdits changes) {
        return new RelayOptions(peer, socket, transport, changes, dialling, threads, vm);
    }

    public RelayOptions dialling(Duration limit) {
        return new RelayOptions(peer, socket, transport, edits, limit, threads, vm);
    }

    public RelayOptions on(RelayThreads shared) {
        return new RelayOptions(peer, socket, transport, edits, dialling, shared, vm);
    }
}
