package io.peerpods.adaptor.sandbox;

import io.grpc.Status;
import io.grpc.StatusException;
import java.util.HashSet;
import java.util.Set;

/**
 * The VXLAN network identifiers in use: those of living sandboxes, and those that the kernel holds for tunnels that are no stored
 * sandbox's. The next one is not the one that has just become free: its old VM may still be sending. Thread-safe; the store's UNIQUE
 * column is what finally holds.
 */
final class Vnis {

    static final int MAX = 0xffffff;

    private final int lowest;
    private final Set<Integer> taken = new HashSet<>();
    private Set<Integer> inKernel = Set.of();
    private int next;

    Vnis(int lowest) {
        this.lowest = lowest;
        this.next = lowest;
    }

    /** One of a stored sandbox. */
    synchronized void reserve(int vni) {
        taken.add(vni);
        if (vni >= next && vni < MAX) {
            next = vni + 1;
        }
    }

    /** What the kernel holds now; it refuses another tunnel with one of these. Replaces what was said before. */
    synchronized void inKernel(Set<Integer> vnis) {
        inKernel = Set.copyOf(vnis);
    }

    /**
     * One that is free.
     *
     * @throws StatusException RESOURCE_EXHAUSTED with the way out when there is none
     */
    synchronized int take() throws StatusException {
        for (int tried = lowest; tried <= MAX; tried++) {
            int vni = next;
            next = next >= MAX ? lowest : next + 1;
            if (!inKernel.contains(vni) && taken.add(vni)) {
                return vni;
            }
        }
        throw Status.RESOURCE_EXHAUSTED
                .withDescription("every VXLAN network identifier from " + lowest + " to " + MAX
                        + " is in use; lower -vxlan-min-id (VXLAN_MIN_ID), or remove pods")
                .asException();
    }

    synchronized void release(int vni) {
        taken.remove(vni);
    }
}
