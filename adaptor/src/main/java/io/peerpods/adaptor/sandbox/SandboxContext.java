package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.Store;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.config.tls.WorkerTls;
import io.peerpods.relay.RelayThreads;
import java.util.function.Consumer;

/**
 * What every sandbox works with.
 *
 * @param volumes the volumes of this worker's pods
 * @param steps is told after each effect in the cloud, for tests of crashes
 */
record SandboxContext(
        SandboxOptions options,
        Store store,
        CloudProvider cloud,
        WorkerTunnels tunnels,
        WorkerTls tls,
        PodVolumes volumes,
        PodDirectories directories,
        RelayThreads relayThreads,
        SandboxMetrics metrics,
        Consumer<String> steps) {}
