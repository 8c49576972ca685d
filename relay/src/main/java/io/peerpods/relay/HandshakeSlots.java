package io.peerpods.relay;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts connections in their handshake, so that no single peer can take the places of the others, and no number of peers those of the
 * worker. Thread-safe.
 */
final class HandshakeSlots {

    private final int ofOnePeer;
    private final int ofAll;
    private final @Nullable InetAddress worker;
    private final Map<InetAddress, Integer> taken = new HashMap<>();

    /** Of all but the worker, when its address is known. */
    private int sum;

    /**
     * @param ofOnePeer places of one address
     * @param ofAll places of all addresses together
     * @param worker the address that has {@code ofOnePeer} places of its own beside those; null when it is unknown
     */
    HandshakeSlots(int ofOnePeer, int ofAll, @Nullable InetAddress worker) {
        this.ofOnePeer = ofOnePeer;
        this.ofAll = ofAll;
        this.worker = worker;
    }

    synchronized boolean take(InetAddress peer) {
        int already = taken.getOrDefault(peer, 0);
        boolean reserved = peer.equals(worker);
        if (already >= ofOnePeer || (!reserved && sum >= ofAll)) {
            return false;
        }
        taken.put(peer, already + 1);
        sum += reserved ? 0 : 1;
        return true;
    }

    synchronized void release(InetAddress peer) {
        taken.computeIfPresent(peer, (address, count) -> count == 1 ? null : count - 1);
        sum -= peer.equals(worker) ? 0 : 1;
    }
}
