package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.cloud.Worker;
import io.peerpods.cloud.aws.address.Addresses.Allocated;
import io.peerpods.cloud.aws.config.AwsConfig;
import io.peerpods.cloud.aws.config.AwsConfig.TwoNic;
import io.peerpods.cloud.aws.instance.LaunchRecord.Address;
import io.peerpods.cloud.aws.nic.SecondaryInterface;
import io.peerpods.cloud.aws.subnet.Placement;
import io.peerpods.cloud.aws.tag.Tags;
import java.net.InetAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.model.CreateNetworkInterfaceRequest;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.Tag;

/**
 * What belongs to a VM and cannot be part of its launch: public addresses, an interface attached while it boots, volumes.
 * Every step is on record before it acts and may be done again after a crash.
 */
public final class Completion {

    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final Duration UNTIL_VISIBLE = Duration.ofSeconds(1);
    private static final int MOST_LOOKS = 3;

    private final AwsConfig config;
    private final Worker worker;
    private final Tags tags;
    private final Calls calls;
    private final Clock clock;

    public Completion(AwsConfig config, Worker worker, Tags tags, Calls calls, Clock clock) {
        this.config = config;
        this.worker = worker;
        this.tags = tags;
        this.calls = calls;
        this.clock = clock;
    }

    /** Does what is left to do for a launched instance and says where it is. A plain VM needs no call at all. */
    PodVm complete(LaunchRecord record, LaunchSpec spec, LaunchFacts facts)
            throws CloudException, InterruptedException {
        boolean twoPublic = config.publicIp() && spec.externalNetwork();
        boolean elastic = twoPublic && config.twoNic() == TwoNic.EIP;
        boolean attach = twoPublic && config.twoNic() == TwoNic.ATTACH;
        boolean automatic = config.publicIp() && !elastic;
        List<Integer> devices = elastic ? addressedDevices(record, facts) : List.of();
        for (int device : devices) {
            allocate(record, spec, facts, device);
        }
        if (attach) {
            createSecondary(record, spec, facts);
        }
        Optional<Instance> instance = Optional.empty();
        boolean needsRunning = elastic || attach || !spec.volumes().isEmpty();
        if (needsRunning || automatic) {
            instance = Optional.of(calls.instances()
                    .await(
                            record.instance(),
                            automatic ? "a public address" : "running",
                            i -> (!needsRunning || InstanceWatch.isRunning(i))
                                    && (!automatic || publicAddress(i).isPresent()),
                            PATIENCE));
        }
        if (attach && record.secondaryIsOnItsOwn()) {
            calls.interfaces().attach(record.secondaryId(), record.instance());
            record.secondaryBelongsToInstance();
        }
        for (int device : devices) {
            associate(record, device);
        }
        attachVolumes(record, spec);
        return vm(record, automatic ? instance.flatMap(Completion::publicAddress) : elasticAddress(record));
    }

    private static Optional<String> publicAddress(Instance instance) {
        return Optional.ofNullable(instance.publicIpAddress()).filter(text -> !text.isEmpty());
    }

    private static Optional<String> elasticAddress(LaunchRecord record) {
        return record.address(0).map(Address::ip).filter(text -> !text.isEmpty());
    }

    private PodVm vm(LaunchRecord record, Optional<String> publicAddress) throws CloudException {
        List<InetAddress> addresses = new ArrayList<>();
        if (publicAddress.isPresent()) {
            addresses.add(parse(record, publicAddress.get()));
        }
        addresses.add(parse(record, record.address()));
        return new PodVm(record.instance(), addresses);
    }

    private static InetAddress parse(LaunchRecord record, String text) throws CloudException {
        try {
            if (!text.isEmpty()) {
                // A name is none of EC2's answers, and must not be looked up.
                return InetAddress.ofLiteral(text);
            }
        } catch (IllegalArgumentException e) {
            throw new Unavailable(
                    Outcome.UNKNOWN, "instance " + record.instance() + " has the address \"" + text + "\"", e);
        }
        throw new Unavailable(Outcome.UNKNOWN, "instance " + record.instance() + " has no private address");
    }

    /** The primary interface, and the secondary one where a public address is its way out. */
    private static List<Integer> addressedDevices(LaunchRecord record, LaunchFacts facts) {
        boolean gateway = placement(record, facts)
                .filter(placement ->
                        facts.publicSubnets().contains(placement.secondary().id()))
                .isPresent();
        return gateway && record.interfaces().size() > 1 ? List.of(0, 1) : List.of(0);
    }

    private static Optional<Placement> placement(LaunchRecord record, LaunchFacts facts) {
        return facts.placements().stream()
                .filter(placement -> placement.primary().id().equals(record.subnet()))
                .findFirst();
    }

    private List<Tag> tags(LaunchRecord record, LaunchSpec spec, LaunchFacts facts) {
        return tags.of(spec, record.generation(), clock.instant(), facts.workerArn());
    }

    private void allocate(LaunchRecord record, LaunchSpec spec, LaunchFacts facts, int device)
            throws CloudException, InterruptedException {
        Optional<Address> known = record.address(device);
        if (known.filter(address -> !address.allocation().isEmpty()).isPresent()) {
            return;
        }
        if (known.isPresent() && found(record, spec, device, 1)) {
            return;
        }
        record.address(Address.wish(device));
        try {
            allocated(record, device, calls.addresses().allocate(tags(record, spec, facts), device));
        } catch (CloudException e) {
            if (e.outcome() == Outcome.NOT_DONE) {
                record.noAddress(device);
                throw e;
            }
            // There is no client token for addresses: the tags tell whether there is one now.
            record.addressesUncertain();
            if (!found(record, spec, device, MOST_LOOKS)) {
                allocated(record, device, calls.addresses().allocate(tags(record, spec, facts), device));
            }
        }
    }

    private static void allocated(LaunchRecord record, int device, Allocated address) {
        record.address(new Address(device, address.id(), address.ip(), ""));
    }

    private boolean found(LaunchRecord record, LaunchSpec spec, int device, int looks)
            throws CloudException, InterruptedException {
        List<Filter> filters = new ArrayList<>(tags.ofSandboxes(List.of(spec.sandboxId())));
        filters.add(Tags.filter("tag:" + Tags.DEVICE, Integer.toString(device)));
        for (int look = 0; look < looks; look++) {
            if (look > 0) {
                Thread.sleep(UNTIL_VISIBLE);
            }
            var addresses = calls.addresses().find(filters);
            if (!addresses.isEmpty()) {
                var address = addresses.getFirst();
                allocated(record, device, new Allocated(address.allocationId(), address.publicIp()));
                return true;
            }
        }
        return false;
    }

    private void associate(LaunchRecord record, int device) throws CloudException, InterruptedException {
        Address address = record.address(device).orElseThrow();
        if (address.association().isEmpty()) {
            String association = calls.addresses()
                    .associate(address.allocation(), record.interfaces().get(device));
            record.address(new Address(device, address.allocation(), address.ip(), association));
        }
    }

    private void createSecondary(LaunchRecord record, LaunchSpec spec, LaunchFacts facts)
            throws CloudException, InterruptedException {
        if (!record.secondaryId().isEmpty()) {
            return;
        }
        Optional<CreateNetworkInterfaceRequest> sent = record.secondaryRequest();
        if (sent.isEmpty()) {
            sent = Optional.of(SecondaryInterface.request(
                    placement(record, facts)
                            .map(placement -> placement.secondary().id())
                            .orElse(record.subnet()),
                    facts.secondaryGroups(),
                    tags(record, spec, facts),
                    ClientToken.of(worker.clusterId(), spec.sandboxId(), record.generation(), "secondary")));
            record.sendingSecondary(sent.get());
        }
        record.secondaryMade(calls.interfaces().create(sent.get()));
    }

    private void attachVolumes(LaunchRecord record, LaunchSpec spec) throws CloudException, InterruptedException {
        if (spec.volumes().isEmpty()) {
            return;
        }
        List<String> ids = spec.volumes().stream().map(VolumeSpec::volumeId).toList();
        record.attaching(ids);
        calls.volumes().attach(ids, record.instance());
    }
}
