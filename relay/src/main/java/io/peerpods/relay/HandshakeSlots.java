package io.peerpods.relay;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;

/** Counts connections in their handshake, so that no single peer can take the places of the others. Thread-safe. */
final class HandshakeSlots {

    private final int ofOnePeer;
    private final int ofAll;
    private final Map<InetAddress, Integer> taken = new HashMap<>();
    private int sum;

    HandshakeSlots(int ofOnePeer, int ofAll) {
        this.ofOnePeer = ofOnePeer;
        this.ofAll = ofAll;
    }

    synchronized boolean take(InetAddress peer) {
        int already = taken.getOrDefault(peer, 0);
        if (already >= ofOnePeer || sum >= ofAll) {
            return false;
        }
        taken.put(peer, already + 1);
        sum++;
        return true;
    }

    synchronized void release(InetAddress peer) {
        taken.computeIfPresent(peer, (address, count) -> count == 1 ? null : count - 1);
        sum--;
    }
}
