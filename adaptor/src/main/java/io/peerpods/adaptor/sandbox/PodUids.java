package io.peerpods.adaptor.sandbox;

import java.util.Optional;

/** Knows the UIDs of pods, which runtimes do not tell. Thread-safe; may block for some seconds. */
@FunctionalInterface
public interface PodUids {

    /** Knows none. */
    PodUids NONE = (namespace, name) -> Optional.empty();

    /** The UID of the pod of that name, empty when it cannot be had; the reason is logged. */
    Optional<String> of(String namespace, String name);
}
