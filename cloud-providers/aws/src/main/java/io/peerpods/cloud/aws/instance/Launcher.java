package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NoCapacity;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.QuotaExceeded;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.aws.capacity.Candidate;
import io.peerpods.cloud.aws.capacity.Candidates;
import io.peerpods.cloud.aws.capacity.CapacityMemory;
import io.peerpods.cloud.aws.config.CapacityType;
import io.peerpods.cloud.aws.ec2.Ec2Errors;
import io.peerpods.cloud.aws.image.Image;
import io.peerpods.cloud.aws.image.Images;
import io.peerpods.cloud.aws.instancetype.Demand;
import io.peerpods.cloud.aws.subnet.Placement;
import io.peerpods.cloud.aws.volume.Volumes;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;

/**
 * Launches the VM of a sandbox: first what an interrupted launch left open, then candidate after candidate until one has
 * capacity, each under a new generation, then what belongs to the VM but cannot be part of its launch.
 */
public final class Launcher {

    private static final Logger log = LoggerFactory.getLogger(Launcher.class);

    private static final int MOST_LOOKS = 6;
    private static final Duration UNTIL_VISIBLE = Duration.ofSeconds(1);

    private final FactsSource facts;
    private final List<CapacityType> capacity;
    private final InstanceRequest requests;
    private final LaunchRequests sender;
    private final InstanceWatch instances;
    private final Images images;
    private final Volumes volumes;
    private final CapacityMemory memory;
    private final Completion completion;
    private final Clock clock;

    /** @param capacity the capacity types in the order in which they are tried */
    public Launcher(
            FactsSource facts,
            List<CapacityType> capacity,
            InstanceRequest requests,
            Calls calls,
            CapacityMemory memory,
            Completion completion,
            Clock clock) {
        this.facts = facts;
        this.capacity = capacity;
        this.requests = requests;
        this.sender = calls.sender();
        this.instances = calls.instances();
        this.images = calls.images();
        this.volumes = calls.volumes();
        this.memory = memory;
        this.completion = completion;
        this.clock = clock;
    }

    /** See {@link io.peerpods.cloud.CloudProvider#launch}. */
    public PodVm launch(LaunchSpec spec, LaunchLog launchLog) throws CloudException, InterruptedException {
        LaunchRecord record = LaunchRecord.open(launchLog);
        LaunchFacts known = facts.get();
        resume(record);
        if (record.instance().isEmpty()) {
            start(record, spec, known);
        }
        return completion.complete(record, spec, known);
    }

    private void resume(LaunchRecord record) throws CloudException, InterruptedException {
        if (record.open().isPresent()) {
            sender.resolve(record);
        } else if (!record.instance().isEmpty()) {
            Optional<Instance> instance = look(record.instance());
            if (instance.isEmpty() || InstanceWatch.isEnding(instance.get())) {
                log.info("instance {} is gone: a new one is launched", record.instance());
                record.lost();
            }
        }
    }

    /** The instance; one that was launched a moment ago may not be visible at once. */
    private Optional<Instance> look(String id) throws CloudException, InterruptedException {
        Optional<Instance> found = Optional.empty();
        for (int looks = 0; found.isEmpty() && looks < MOST_LOOKS; looks++) {
            if (looks > 0) {
                Thread.sleep(UNTIL_VISIBLE);
            }
            found = Optional.ofNullable(instances.describe(Set.of(id)).get(id));
        }
        return found;
    }

    private void start(LaunchRecord record, LaunchSpec spec, LaunchFacts known)
            throws CloudException, InterruptedException {
        Image image = images.image(spec.image().isEmpty() ? known.bootImage() : spec.image());
        Optional<String> zone = volumes.check(spec.volumes());
        List<Candidate> candidates = Candidates.of(
                known.types().choose(demand(spec, known, image)),
                placements(known, zone),
                capacity,
                spec.sandboxId().value().hashCode());
        Attempts attempts = new Attempts();
        for (Candidate candidate : candidates) {
            if (attempts.worthATry(candidate) && attempt(record, spec, known, candidate, image, attempts)) {
                return;
            }
        }
        throw attempts.failure();
    }

    private boolean attempt(
            LaunchRecord record,
            LaunchSpec spec,
            LaunchFacts known,
            Candidate candidate,
            Image image,
            Attempts attempts)
            throws CloudException, InterruptedException {
        int generation = record.generation() + 1;
        RunInstancesRequest request = requests.build(known, spec, candidate, image, generation, clock.instant());
        try {
            sender.send(record, generation, request);
        } catch (NoCapacity | QuotaExceeded e) {
            attempts.failed(candidate, e);
            return false;
        }
        if (record.instance().isEmpty()) {
            attempts.failed(candidate, new NoCapacity(Outcome.NOT_DONE, "the instance ended at once"));
            return false;
        }
        log.info("sandbox {}: {} is {}", spec.sandboxId(), record.instance(), candidate.label());
        return true;
    }

    private Demand demand(LaunchSpec spec, LaunchFacts known, Image image) {
        return new Demand(
                spec.instanceType(),
                spec.vcpus(),
                spec.memoryMib(),
                spec.gpus(),
                spec.gpuModel(),
                spec.externalNetwork() ? 2 : 1,
                requests.confidential(known),
                image.architecture());
    }

    private static List<Placement> placements(LaunchFacts known, Optional<String> zone) throws CloudException {
        List<Placement> possible = known.placements().stream()
                .filter(placement ->
                        zone.isEmpty() || placement.primary().zone().equals(zone.get()))
                .toList();
        if (possible.isEmpty()) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "the pod's volumes are in zone " + zone.orElse("")
                            + ", where AWS_SUBNET_ID has no subnet: add one");
        }
        return possible;
    }

    /** What became of the candidates of one launch. */
    private final class Attempts {

        private final List<String> notes = new ArrayList<>();
        private final Set<String> quotas = new HashSet<>();
        private Optional<QuotaExceeded> quota = Optional.empty();

        boolean worthATry(Candidate candidate) {
            Optional<String> reason = memory.blocked(candidate);
            reason.ifPresent(text -> notes.add(candidate.label() + ", not asked again yet: " + text));
            return reason.isEmpty() && !quotas.contains(quotaOf(candidate));
        }

        void failed(Candidate candidate, CloudException e) {
            String said = Ec2Errors.code(e).isEmpty() ? String.valueOf(e.getMessage()) : Ec2Errors.code(e);
            log.info("{}: {}", candidate.label(), e.getMessage());
            notes.add(candidate.label() + ": " + said);
            if (e instanceof QuotaExceeded exceeded) {
                quota = Optional.of(exceeded);
                quotas.add(quotaOf(candidate));
            } else if (Ec2Errors.code(e).equals("InsufficientFreeAddressesInSubnet")) {
                subnetsOf(candidate, Ec2Errors.message(e)).forEach(id -> memory.noAddresses(id, said));
            } else {
                memory.noInstances(candidate, said);
            }
        }

        private static List<String> subnetsOf(Candidate candidate, String message) {
            String primary = candidate.placement().primary().id();
            String secondary = candidate.placement().secondary().id();
            return message.contains(secondary) && !message.contains(primary) ? List.of(secondary) : List.of(primary);
        }

        private static String quotaOf(Candidate candidate) {
            return candidate.capacity().word() + " " + candidate.type().quotaGroup();
        }

        CloudException failure() {
            String tried = String.join("; ", notes);
            if (quota.isPresent()) {
                return new QuotaExceeded(Outcome.NOT_DONE, quota.get().getMessage() + ". Tried: " + tried, quota.get());
            }
            return new NoCapacity(
                    Outcome.NOT_DONE,
                    "EC2 has no capacity for this pod now. Tried: " + tried
                            + ". More types (PODVM_INSTANCE_TYPES), subnets of other zones (AWS_SUBNET_ID) or both"
                            + " capacity types (PODVM_CAPACITY_TYPE) help");
        }
    }
}
