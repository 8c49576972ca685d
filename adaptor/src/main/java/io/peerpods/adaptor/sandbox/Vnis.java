package io.peerpods.adaptor.sandbox;

import java.util.HashSet;
import java.util.Set;

/**
 * The VXLAN network identifiers of living sandboxes. The next one is not the one that has just become free: its old VM may still be
 * sending. Thread-safe; the store's UNIQUE column is what finally holds.
 */
final class Vnis {

    static final int MAX = 0xffffff;

    private final int lowest;
    private final Set<Integer> taken = new HashSet<>();
    private int next;

    Vnis(int lowest) {
        this.lowest = lowest;
        this.next = lowest;
    }

    /** One that is a stored sandbox's, or somebody else's. */
    synchronized void reserve(int vni) {
        taken.add(vni);
        if (vni >= next && vni < MAX) {
            next = vni + 1;
        }
    }

    /** One that nobody has. */
    synchronized int take() {
        for (int tried = lowest; tried <= MAX; tried++) {
            int vni = next;
            next = next >= MAX ? lowest : next + 1;
            if (taken.add(vni)) {
                return vni;
            }
        }
        throw new IllegalStateException("every VXLAN network identifier from " + lowest + " to " + MAX
                + " is in use; lower -vxlan-min-id (VXLAN_MIN_ID)");
    }

    synchronized void release(int vni) {
        taken.remove(vni);
    }
}
