package io.peerpods.adaptor;

import io.peerpods.adaptor.sandbox.PodUids;
import java.io.IOException;
import java.util.Optional;

/** Asks the API service, with the service account of the adaptor's own pod. */
record PodUidLookup(KubernetesApi api) implements PodUids {

    /** Knows none where the adaptor does not run in a pod. */
    static PodUids of(Optional<KubernetesApi> api) {
        return api.filter(KubernetesApi::hasAccount)
                .<PodUids>map(PodUidLookup::new)
                .orElse(PodUids.NONE);
    }

    @Override
    public Optional<String> of(String namespace, String name) throws IOException {
        return Optional.of(api.podUid(namespace, name));
    }
}
