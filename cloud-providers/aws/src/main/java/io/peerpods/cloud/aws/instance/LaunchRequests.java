package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NoCapacity;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.QuotaExceeded;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.aws.ec2.ConsistencyWindow;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.tag.Tags;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.model.DescribeInstancesRequest;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceNetworkInterface;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.RunInstancesRequest;
import software.amazon.awssdk.services.ec2.model.RunInstancesResponse;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** Sends launch requests, and finds out what became of one whose answer never came. */
public final class LaunchRequests {

    private final Ec2Api ec2;
    private final InstanceWatch instances;
    private final ConsistencyWindow window;

    LaunchRequests(Ec2Api ec2, InstanceWatch instances, ConsistencyWindow window) {
        this.ec2 = ec2;
        this.instances = instances;
        this.window = window;
    }

    /** Sends a new request: on record before it goes out, and after it has an answer. */
    void send(LaunchRecord record, int generation, RunInstancesRequest request)
            throws CloudException, InterruptedException {
        try {
            adopt(record, ec2.runInstances(request, () -> record.sending(generation, request)));
        } catch (CloudException e) {
            if (e.outcome() == Outcome.NOT_DONE && record.open().isPresent()) {
                record.refused();
            }
            throw e;
        }
    }

    /**
     * Sends the same request under the same token again: EC2 answers with the instance that it made the first time, or
     * makes it now, or says why not. Only refusals that EC2 gives after it has looked at the token count. One that does not tell
     * whether EC2 knows the token counts after the instance was not found by its tags for the whole {@link ConsistencyWindow}.
     */
    void resolve(LaunchRecord record) throws CloudException, InterruptedException {
        Optional<RunInstancesRequest> request = record.open();
        if (request.isEmpty()) {
            return;
        }
        try {
            adopt(record, ec2.runInstances(request.get(), () -> {}));
        } catch (NoCapacity | QuotaExceeded e) {
            record.refused();
        } catch (NotFound | InvalidRequest e) {
            if (!window.finds(() -> find(record, request.get()))) {
                record.refused();
            }
        }
    }

    /** As {@link #resolve}, but looks for the instance first, so as not to make one only to end it. */
    void resolveForDeletion(LaunchRecord record) throws CloudException, InterruptedException {
        Optional<RunInstancesRequest> request = record.open();
        if (request.isPresent() && !find(record, request.get())) {
            resolve(record);
        }
    }

    private boolean find(LaunchRecord record, RunInstancesRequest request) throws CloudException, InterruptedException {
        List<Instance> found =
                instances.list(DescribeInstancesRequest.builder().filters(Tags.identify(tagsOfInstance(request))));
        if (!found.isEmpty()) {
            adopt(record, found.getFirst());
        }
        return !found.isEmpty();
    }

    private static List<Tag> tagsOfInstance(RunInstancesRequest request) {
        return request.tagSpecifications().stream()
                .filter(specification -> specification.resourceType() == ResourceType.INSTANCE)
                .findFirst()
                .map(TagSpecification::tags)
                .orElse(List.of());
    }

    private static void adopt(LaunchRecord record, RunInstancesResponse answer) throws CloudException {
        if (answer.instances().isEmpty()) {
            throw new Unavailable(Outcome.UNKNOWN, "RunInstances: the answer names no instance");
        }
        adopt(record, answer.instances().getFirst());
    }

    private static void adopt(LaunchRecord record, Instance instance) {
        List<String> interfaces = instance.networkInterfaces().stream()
                .sorted(Comparator.comparing(
                        nic -> nic.attachment() == null || nic.attachment().deviceIndex() == null
                                ? Integer.valueOf(0)
                                : nic.attachment().deviceIndex()))
                .map(InstanceNetworkInterface::networkInterfaceId)
                .toList();
        record.launched(
                instance.instanceId(),
                interfaces,
                Optional.ofNullable(instance.subnetId()).orElse(""),
                Optional.ofNullable(instance.privateIpAddress()).orElse(""));
        if (InstanceWatch.isEnding(instance)) {
            record.lost();
        }
    }
}
