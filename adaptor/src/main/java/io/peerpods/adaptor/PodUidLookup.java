package io.peerpods.adaptor;

import io.peerpods.adaptor.sandbox.PodUids;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks the API service, with the service account of the adaptor's own pod. */
record PodUidLookup(KubernetesApi api) implements PodUids {

    private static final Logger log = LoggerFactory.getLogger(PodUidLookup.class);

    /** Knows none where the adaptor does not run in a pod. */
    static PodUids of(Optional<KubernetesApi> api) {
        return api.filter(KubernetesApi::hasAccount)
                .<PodUids>map(PodUidLookup::new)
                .orElse(PodUids.NONE);
    }

    @Override
    public Optional<String> of(String namespace, String name) {
        try {
            return Optional.of(api.podUid(namespace, name));
        } catch (IOException e) {
            log.warn("the UID of pod {}/{} cannot be looked up: {}", namespace, name, e.getMessage());
            return Optional.empty();
        }
    }
}
