package io.peerpods.adaptor.sandbox;

import java.io.IOException;
import java.util.Optional;

/** Knows the UIDs of pods, which runtimes do not tell. Thread-safe; may block for some seconds. */
@FunctionalInterface
public interface PodUids {

    /** Knows none. */
    PodUids NONE = (namespace, name) -> Optional.empty();

    /**
     * The UID of the pod of that name, empty where no cluster can be asked.
     *
     * @throws IOException the cluster does not tell it; the message says why
     */
    Optional<String> of(String namespace, String name) throws IOException;
}
