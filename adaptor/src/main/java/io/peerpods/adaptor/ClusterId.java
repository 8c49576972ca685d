package io.peerpods.adaptor;

import io.peerpods.adaptor.store.Store;
import io.peerpods.adaptor.store.StoreException;
import java.io.IOException;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which cluster's the VMs are: what the operator says, else what was used before (VMs carry it), else the UID of namespace kube-system,
 * else a random one. Never a constant or a host's name, which two clusters in one account could share.
 */
final class ClusterId {

    private static final Logger log = LoggerFactory.getLogger(ClusterId.class);
    private static final String FACT = "cluster-id";

    private ClusterId() {}

    static String of(AdaptorConfig config, Store store) throws StoreException {
        if (!config.clusterId().isEmpty()) {
            return config.clusterId();
        }
        Optional<String> kept = store.fact(FACT);
        if (kept.isPresent()) {
            return kept.get();
        }
        String fresh = fromCluster(config).orElseGet(() -> UUID.randomUUID().toString());
        store.fact(FACT, Optional.of(fresh));
        return fresh;
    }

    private static Optional<String> fromCluster(AdaptorConfig config) {
        if (config.api().isPresent() && config.api().get().hasAccount()) {
            try {
                return Optional.of(config.api().get().clusterUid());
            } catch (IOException e) {
                log.warn(
                        "the cluster's id cannot be read: {}. A random one is kept in the state directory; set CLUSTER_ID, so that VMs are"
                                + " found again when that directory is lost",
                        e.getMessage());
            }
        }
        return Optional.empty();
    }
}
