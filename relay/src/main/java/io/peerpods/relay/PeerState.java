package io.peerpods.relay;

import java.util.Optional;

/** What is known of a VM otherwise than by the connection to it. Thread-safe. */
@FunctionalInterface
public interface PeerState {

    /** Nothing is known. */
    PeerState UNKNOWN = Optional::empty;

    /** Why the VM has ended, in words; empty when it is not known to have ended. Asked when the VM is silent; may block. */
    Optional<String> ended();
}
