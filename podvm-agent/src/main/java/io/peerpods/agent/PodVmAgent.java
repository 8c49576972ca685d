package io.peerpods.agent;

import io.grpc.Status;
import io.peerpods.agent.edits.PodVmEdits;
import io.peerpods.agent.net.MetadataNicFacts;
import io.peerpods.agent.net.PodNetwork;
import io.peerpods.agent.userdata.MetadataService;
import io.peerpods.agent.volumes.VolumeMounts;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.tls.PodVmTls;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.daemon.SdNotify;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Steps;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.vm.NicFacts;
import io.peerpods.network.vm.PodVmNics;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.relay.AgentEdits;
import io.peerpods.relay.Forwarder;
import io.peerpods.relay.ForwarderOptions;
import io.peerpods.relay.HandshakeWarmUp;
import io.peerpods.relay.Transport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent's life: user-data, then network and TLS side by side, then it listens. A network that cannot be set up does not keep it
 * from listening: every call is answered with what went wrong, which is how the adaptor, and the pod's events, come to know.
 */
final class PodVmAgent implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(PodVmAgent.class);

    private static final Path IPV6 = Path.of("/proc/sys/net/ipv6");

    private final AgentOptions options;
    private final SdNotify notify;
    private final MetadataService metadata;
    private final Configuration configuration;
    private final Executor executor;
    private final VolumeMounts volumes;

    private @Nullable FutureTask<@Nullable Status> settingUp;
    private volatile @Nullable PodNetwork network;
    private volatile @Nullable Forwarder forwarder;
    private volatile boolean networkUp;
    private volatile String complaint = "";

    /** @param steps is told of each change to the network */
    PodVmAgent(AgentOptions options, SdNotify notify, Steps steps) {
        this.options = options;
        this.notify = notify;
        this.metadata = new MetadataService(options.metadataUrl(), options.metadataVersion1());
        this.configuration = new Configuration(options, metadata);
        this.executor = new Executor(steps);
        this.volumes = VolumeMounts.ofVm(options.root());
    }

    /**
     * Returns when the agent listens.
     *
     * @throws IOException when there is no configuration, or the address to listen on is not free
     * @throws ConfigException when the configuration cannot be used
     */
    void start() throws IOException, ConfigException, InterruptedException {
        // What costs time at its first use in a process is used now, while the cloud answers.
        Thread.ofPlatform().daemon().name("warm-netlink").start(PodVmAgent::warmNetlink);
        Thread.ofPlatform().daemon().name("warm-tls").start(PodVmAgent::warmTls);
        notify.status("waiting for user-data");
        AgentConfig config = configuration.load();
        notify.status("setting up the network of pod " + config.podNamespace() + "/" + config.podName());
        FutureTask<@Nullable Status> task = new FutureTask<>(() -> setUpNetwork(config));
        settingUp = task;
        Thread.ofPlatform().daemon().name("pod-network").start(task);
        Transport transport = transport(config);
        warmUpHandshake(transport);
        Status refusal = outcome(task);
        networkUp = refusal == null;
        complaint = refusal == null ? "" : String.valueOf(refusal.getDescription());
        listen(transport, refusal);
    }

    /** Where it listens. */
    int port() {
        Forwarder listening = forwarder;
        if (listening == null) {
            throw new IllegalStateException("not listening yet");
        }
        return listening.address().getPort();
    }

    /** What every caller is told instead of being served. */
    Optional<String> complaint() {
        return Optional.of(complaint).filter(text -> !text.isEmpty());
    }

    /** Hangs up, unmounts the pod's volumes and takes the network down if it was up. */
    @Override
    public void close() {
        notify.stopping();
        FutureTask<?> task = settingUp;
        if (task != null) {
            task.cancel(true);
        }
        try {
            Forwarder listening = forwarder;
            if (listening != null) {
                listening.close();
                volumes.unmountAll();
            }
        } finally {
            PodNetwork made = network;
            if (made != null && networkUp) {
                made.tearDown();
            }
        }
    }

    /** Compares kernel and plan, without changing or waiting for anything. */
    PodNetwork.Report verify() throws IOException, ConfigException, PodNetworkException, InterruptedException {
        AgentConfig config = configuration.read();
        return podNetwork(config, Duration.ZERO).verify();
    }

    private @Nullable Status setUpNetwork(AgentConfig config) throws InterruptedException {
        try {
            PodNetwork made = podNetwork(config, options.networkTimeout());
            network = made;
            made.setUp();
            return null;
        } catch (PodNetworkException e) {
            log.error("the pod's network cannot be set up: {}", e.getMessage());
            return Status.FAILED_PRECONDITION.withDescription(
                    "the pod's network cannot be set up in its VM: " + e.getMessage());
        }
    }

    private PodNetwork podNetwork(AgentConfig config, Duration patience) throws PodNetworkException {
        PodNetworkSpec spec = PodNetworkSpec.fromJson(config.podNetwork());
        PodVmPlan.Place place = new PodVmPlan.Place(
                NetnsRef.of(options.vmNamespace()),
                NetnsRef.of(options.podNamespace()),
                options.listen().getPort(),
                Files.isDirectory(IPV6));
        NicFacts.Source facts = configuration.onAws() ? new MetadataNicFacts(metadata) : NicFacts.Source.NONE;
        Duration first = patience.dividedBy(3);
        PodVmNics.Wait wait = new PodVmNics.Wait(options.hostInterface(), first, patience.minus(first));
        return new PodNetwork(spec, place, facts, wait, executor, options.stateDirectory());
    }

    private Transport transport(AgentConfig config) throws ConfigException {
        if (options.disableTls()) {
            log.warn("TLS is disabled: anybody who reaches this port may run containers here");
            return Transport.plain();
        }
        if (options.skipVerify()) {
            log.warn("clients are not verified: anybody who reaches this port may run containers here");
        }
        TlsEndpoint endpoint = PodVmTls.endpoint(config, options.files(), options.skipVerify());
        return Transport.server(endpoint.context(), endpoint.parameters());
    }

    private static void warmUpHandshake(Transport transport) throws InterruptedException {
        try {
            HandshakeWarmUp.of(transport);
        } catch (IOException e) {
            log.info("the TLS code could not be warmed up, the first connection takes longer: {}", e.getMessage());
        }
    }

    private static @Nullable Status outcome(FutureTask<@Nullable Status> task) throws InterruptedException {
        try {
            return task.get();
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            log.error("the pod's network cannot be set up", cause);
            return Status.FAILED_PRECONDITION.withDescription("the pod's network cannot be set up in its VM: " + cause);
        }
    }

    private void listen(Transport transport, @Nullable Status refusal) throws IOException {
        PodNetwork made = network;
        AgentEdits edits = made == null
                ? AgentEdits.NONE
                : new PodVmEdits(options.podNamespace(), made::learned, volumes, made::probesReceived);
        ForwarderOptions forwarding = ForwarderOptions.of(options.listen(), options.kataAgentSocket(), transport)
                .with(edits)
                .agentPatience(options.kataAgentTimeout());
        if (made != null) {
            forwarding = forwarding.reservedFor(made.worker());
        }
        Forwarder listening = Forwarder.listen(refusal == null ? forwarding : forwarding.refusing(refusal));
        forwarder = listening;
        String state =
                refusal == null ? "listening on " + listening.address() + ", the pod's network is up" : complaint;
        log.info("{}", state);
        notify.ready();
        notify.status(state);
    }

    private static void warmNetlink() {
        try {
            Rtnl.warmUp();
        } catch (RuntimeException | Error e) {
            log.debug("netlink could not be tried: {}", e.getMessage()); // set-up will say so in its own words
        }
    }

    private static void warmTls() {
        try {
            SSLContext.getInstance("TLS");
        } catch (NoSuchAlgorithmException | RuntimeException | Error e) {
            log.debug("no TLS: {}", e.getMessage());
        }
    }
}
