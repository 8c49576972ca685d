package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.OwnedVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.aws.address.Addresses;
import io.peerpods.cloud.aws.nic.SecondaryInterface;
import io.peerpods.cloud.aws.tag.Tags;
import io.peerpods.cloud.calls.Batcher;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import software.amazon.awssdk.services.ec2.model.Address;
import software.amazon.awssdk.services.ec2.model.DescribeInstancesRequest;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.NetworkInterface;
import software.amazon.awssdk.services.ec2.model.Tag;

/** What is there by its tags, when no record tells: of some sandboxes, or of this worker. Thread-safe. */
public final class Leftovers implements AutoCloseable {

    private static final Duration WINDOW = Duration.ofMillis(100);
    private static final int MOST_IN_A_CALL = 100;
    private static final List<String> LIVE = List.of("pending", "running", "stopping", "stopped");

    private final InstanceWatch instances;
    private final Addresses addresses;
    private final SecondaryInterface interfaces;
    private final Tags tags;
    private final Batcher<SandboxId, Found> batcher;

    /**
     * Whose something is, by its tags.
     *
     * @param sandbox empty when there is no such tag, or its value is no sandbox id
     */
    private record Origin(Optional<SandboxId> sandbox, boolean anotherMachine) {}

    /**
     * What one sandbox left.
     *
     * @param instances that do not end yet
     * @param interfaces that no instance takes with it when it ends
     */
    record Found(List<String> instances, List<Address> addresses, List<String> interfaces) {

        boolean isNothing() {
            return instances.isEmpty() && addresses.isEmpty() && interfaces.isEmpty();
        }
    }

    public Leftovers(InstanceWatch instances, Addresses addresses, SecondaryInterface interfaces, Tags tags) {
        this.instances = instances;
        this.addresses = addresses;
        this.interfaces = interfaces;
        this.tags = tags;
        this.batcher = new Batcher<>("leftovers", WINDOW, MOST_IN_A_CALL, this::search);
    }

    /** What this sandbox left, made by this machine; questions of about the same time share the calls. */
    Found of(SandboxId sandboxId) throws CloudException, InterruptedException {
        return batcher.ask(sandboxId);
    }

    private void search(Map<SandboxId, CompletableFuture<Found>> batch) throws CloudException, InterruptedException {
        Map<Origin, Found> found = search(tags.ofSandboxes(batch.keySet()));
        batch.forEach((sandbox, answer) ->
                answer.complete(found.getOrDefault(new Origin(Optional.of(sandbox), false), nothing())));
    }

    /** Everything of this worker: its VMs, and of sandboxes that have none what else is left. */
    public List<OwnedVm> owned() throws CloudException, InterruptedException {
        List<OwnedVm> owned = new ArrayList<>();
        search(tags.ofWorker()).forEach((origin, found) -> {
            List<String> ids = new ArrayList<>(found.instances());
            if (origin.sandbox().isEmpty() || ids.isEmpty()) {
                found.addresses().forEach(address -> ids.add(address.allocationId()));
                ids.addAll(found.interfaces());
            }
            ids.forEach(id -> owned.add(new OwnedVm(id, origin.sandbox(), origin.anotherMachine())));
        });
        return List.copyOf(owned);
    }

    private Map<Origin, Found> search(List<Filter> filters) throws CloudException, InterruptedException {
        Map<Origin, Found> found = new LinkedHashMap<>();
        List<Filter> live = new ArrayList<>(filters);
        live.add(Tags.filter("instance-state-name", LIVE));
        for (Instance instance :
                instances.list(DescribeInstancesRequest.builder().filters(live))) {
            of(found, instance.tags()).instances().add(instance.instanceId());
        }
        for (Address address : addresses.find(filters)) {
            of(found, address.tags()).addresses().add(address);
        }
        for (NetworkInterface nic : interfaces.find(filters)) {
            if (isOnItsOwn(nic)) {
                of(found, nic.tagSet()).interfaces().add(nic.networkInterfaceId());
            }
        }
        return found;
    }

    private static boolean isOnItsOwn(NetworkInterface nic) {
        return nic.attachment() == null || !Boolean.TRUE.equals(nic.attachment().deleteOnTermination());
    }

    private Found of(Map<Origin, Found> found, List<Tag> of) {
        return found.computeIfAbsent(new Origin(Tags.sandbox(of), tags.areOfAnotherMachine(of)), key -> nothing());
    }

    private static Found nothing() {
        return new Found(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }

    @Override
    public void close() {
        batcher.close();
    }
}
