package io.peerpods.cloud.aws;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NoCapacity;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.QuotaExceeded;
import io.peerpods.cloud.CloudException.Throttled;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.Finding;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.capacity.CapacityMemory;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.ec2.CallCounts;
import io.peerpods.cloud.aws.ec2.ConsistencyWindow;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.ec2.Ec2ClientSource;
import io.peerpods.cloud.aws.ec2.Ec2Clients;
import io.peerpods.cloud.aws.instance.Calls;
import io.peerpods.cloud.aws.instance.Completion;
import io.peerpods.cloud.aws.instance.Deletion;
import io.peerpods.cloud.aws.instance.FactsSource;
import io.peerpods.cloud.aws.instance.InstanceRequest;
import io.peerpods.cloud.aws.instance.InstanceWatch;
import io.peerpods.cloud.aws.instance.LaunchFacts;
import io.peerpods.cloud.aws.instance.Launcher;
import io.peerpods.cloud.aws.instance.Leftovers;
import io.peerpods.cloud.aws.metadata.WorkerMetadata;
import io.peerpods.cloud.aws.preflight.Preflight;
import io.peerpods.cloud.aws.tag.Tags;
import io.peerpods.cloud.calls.Time;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.regions.providers.AwsProfileRegionProvider;

/** The {@code aws} provider, put together. */
public final class AwsCloud implements CloudProvider {

    /** Between two polls of the instances that somebody waits for. */
    private static final Duration POLL = Duration.ofMillis(1500);

    private final Ec2Api ec2;
    private final Calls calls;
    private final Leftovers leftovers;
    private final FactsSource facts;
    private final Launcher launcher;
    private final Deletion deletion;
    private final Preflight preflight;

    private AwsCloud(AwsConfig config, Worker worker, Duration poll, Duration consistency) {
        Clock clock = Clock.systemUTC();
        Tags tags = new Tags(worker, config.tags());
        WorkerMetadata metadata = new WorkerMetadata(config.metadataEndpoint());
        ec2 = new Ec2Api(new Ec2ClientSource(() -> Ec2Clients.open(config, region(config, metadata))), Time.REAL);
        calls = Calls.over(ec2, new InstanceWatch(ec2, poll), new ConsistencyWindow(consistency, Time.REAL));
        leftovers = new Leftovers(calls.instances(), calls.addresses(), calls.interfaces(), tags);
        facts = new FactsSource(problems ->
                LaunchFacts.gather(config, worker.externalNetwork(), ec2, calls.images(), metadata, problems));
        InstanceRequest requests = new InstanceRequest(config, worker, tags);
        launcher = new Launcher(
                facts,
                config.capacity(),
                requests,
                calls,
                new CapacityMemory(System::nanoTime),
                new Completion(config, worker, tags, calls, clock),
                clock);
        deletion = new Deletion(calls, leftovers, tags);
        preflight = new Preflight(
                config, worker, () -> region(config, metadata), facts, requests, ec2, calls, metadata, clock);
    }

    /**
     * Opens the provider without a call: EC2 is asked in the background for what launches depend on, because the pods that run
     * already need the adaptor whatever EC2 says.
     */
    public static AwsCloud open(AwsConfig config, Worker worker) {
        return open(config, worker, POLL, ConsistencyWindow.USUAL);
    }

    /**
     * As {@link #open(AwsConfig, Worker)}, at another pace.
     *
     * @param poll between two polls of the instances that are waited for
     * @param consistency how long EC2 may not know what it has made
     */
    public static AwsCloud open(AwsConfig config, Worker worker, Duration poll, Duration consistency) {
        AwsCloud cloud = new AwsCloud(config, worker, poll, consistency);
        cloud.facts.begin();
        return cloud;
    }

    /** Waits until what launches depend on was looked at once, with whatever result; false when the time is over before. */
    public boolean awaitFirstLook(Duration time) throws InterruptedException {
        return facts.awaitFirst(time);
    }

    private static String region(AwsConfig config, WorkerMetadata metadata) throws CloudException {
        if (!config.region().isEmpty()) {
            return config.region();
        }
        String found = profileRegion(config).or(metadata::region).orElse("").strip();
        if (found.isEmpty()) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "no region: set AWS_REGION (neither the profile nor the worker's own metadata service tells)");
        }
        if (!AwsConfig.isRegion(found)) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "the profile or the worker's metadata service gives \"" + found
                            + "\", which is not the name of a region: correct it, or set -aws-region (AWS_REGION)");
        }
        return found;
    }

    private static Optional<String> profileRegion(AwsConfig config) {
        try {
            var profile = config.profile().isEmpty()
                    ? new AwsProfileRegionProvider()
                    : new AwsProfileRegionProvider(null, config.profile());
            return Optional.ofNullable(profile.getRegion()).map(Object::toString);
        } catch (SdkException e) {
            return Optional.empty();
        }
    }

    @Override
    public String name() {
        return "aws";
    }

    @Override
    public PodVm launch(LaunchSpec spec, LaunchLog launchLog) throws CloudException, InterruptedException {
        return watched(() -> launcher.launch(spec, launchLog));
    }

    @Override
    public void delete(SandboxId sandboxId, LaunchLog launchLog) throws CloudException, InterruptedException {
        var _ = watched(() -> {
            deletion.delete(sandboxId, launchLog);
            return sandboxId;
        });
    }

    @Override
    public List<OwnedVm> owned() throws CloudException, InterruptedException {
        return watched(leftovers::owned);
    }

    @Override
    public Optional<String> ended(PodVm vm) throws CloudException, InterruptedException {
        return watched(() -> Optional.ofNullable(
                        calls.instances().describe(Set.of(vm.id())).get(vm.id()))
                .flatMap(InstanceWatch::end));
    }

    private interface Work<T> {
        T run() throws CloudException, InterruptedException;
    }

    /** A failure that may have a cause of its own in what launches depend on makes that be looked at again. */
    private <T> T watched(Work<T> work) throws CloudException, InterruptedException {
        try {
            return work.run();
        } catch (CloudException e) {
            if (!(e instanceof Throttled || e instanceof NoCapacity || e instanceof QuotaExceeded)) {
                facts.lookAgain();
            }
            throw e;
        }
    }

    @Override
    public List<Finding> check() throws InterruptedException {
        return preflight.check();
    }

    @Override
    public List<Finding> problems() {
        return facts.problems();
    }

    /** How many calls were made. */
    public CallCounts counts() {
        return ec2.counts();
    }

    @Override
    public void close() {
        facts.close();
        leftovers.close();
        calls.close();
        ec2.close();
    }
}
