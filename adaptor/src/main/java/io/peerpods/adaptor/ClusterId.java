package io.peerpods.adaptor;

import io.peerpods.adaptor.store.Store;
import io.peerpods.adaptor.store.StoreException;
import io.peerpods.daemon.BadSettingException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which cluster's the VMs are: what the operator says, else what was learnt since the machine booted, else the UID of namespace
 * kube-system, else the start is refused. A random id would be lost with the state directory at the next boot, and the VMs with it; a
 * constant or a host's name could be that of two clusters in one account. Only where the VMs live and die with this machine (provider
 * local) a random id is made and kept.
 */
final class ClusterId {

    private static final Logger log = LoggerFactory.getLogger(ClusterId.class);
    private static final String FACT = "cluster-id";
    private static final String BOOT_FACT = "cluster-id-boot";
    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
    private static final Duration PAUSE = Duration.ofSeconds(2);
    private static final String REMEDY =
            "; set CLUSTER_ID (-cluster-id) to a name that no other cluster in the cloud account has,"
                    + " or give the adaptor's service account `get` on namespaces";

    private final AdaptorConfig config;
    private final Optional<KubernetesApi> api;
    private final Store store;
    private final Waiting waiting;
    private final Duration patience;

    /** @param patience how long an API service that does not answer is asked again */
    ClusterId(AdaptorConfig config, Store store, Waiting waiting, Duration patience) {
        this(config, config.api(), store, waiting, patience);
    }

    ClusterId(AdaptorConfig config, Optional<KubernetesApi> api, Store store, Waiting waiting, Duration patience) {
        this.config = config;
        this.api = api;
        this.store = store;
        this.waiting = waiting;
        this.patience = patience;
    }

    /**
     * The id.
     *
     * @param ownCloud whether the VMs live and die with this machine
     * @throws BadSettingException when it cannot be known; the message names the way out
     * @throws InterruptedException when a signal came first
     */
    String get(boolean ownCloud) throws StoreException, BadSettingException, InterruptedException {
        if (!config.clusterId().isEmpty()) {
            return config.clusterId();
        }
        Optional<String> kept = store.fact(FACT);
        if (kept.isPresent() && (ownCloud || isOfThisBoot())) {
            return kept.get();
        }
        String id = ownCloud ? UUID.randomUUID().toString() : ask();
        store.fact(FACT, Optional.of(id));
        store.fact(BOOT_FACT, Optional.of(boot()));
        return id;
    }

    /** Stores of before have no such fact; they were made since the boot, or their VMs have no other id to be found by. */
    private boolean isOfThisBoot() throws StoreException {
        return store.fact(BOOT_FACT).map(boot()::equals).orElse(true);
    }

    private static String boot() {
        try {
            return Files.readString(BOOT_ID).strip();
        } catch (IOException e) {
            return "unknown";
        }
    }

    private String ask() throws BadSettingException, InterruptedException {
        KubernetesApi asked = api.filter(KubernetesApi::hasAccount)
                .orElseThrow(() -> new BadSettingException(
                        "the cluster's id is not known: this process has no Kubernetes service account" + REMEDY));
        long begun = System.nanoTime();
        while (true) {
            try {
                return asked.clusterUid();
            } catch (KubernetesApi.RefusedException e) {
                throw new BadSettingException("the cluster's id cannot be read: " + e.getMessage() + REMEDY);
            } catch (IOException e) {
                String why = "the cluster's id cannot be read: " + e.getMessage();
                if (System.nanoTime() - begun > patience.toNanos()) {
                    throw new BadSettingException(why + ", for " + patience.toSeconds() + " s" + REMEDY);
                }
                log.warn("{}; asking again", why);
                waiting.pause(PAUSE, why);
            }
        }
    }
}
