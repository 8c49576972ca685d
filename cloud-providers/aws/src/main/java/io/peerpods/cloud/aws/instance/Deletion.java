package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.LaunchLog;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.aws.tag.Tags;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ec2.model.Address;
import software.amazon.awssdk.services.ec2.model.NetworkInterface;

/**
 * Deletes what a sandbox's launches made: what its record says, or what carries its tags when there is no record. A step
 * that fails does not keep the others from being done; the first failure is reported at the end, so that the caller
 * comes again.
 */
public final class Deletion {

    private static final Duration UNTIL_TERMINATED = Duration.ofMinutes(3);

    private final Calls calls;
    private final Leftovers leftovers;
    private final Tags tags;

    public Deletion(Calls calls, Leftovers leftovers, Tags tags) {
        this.calls = calls;
        this.leftovers = leftovers;
        this.tags = tags;
    }

    /** See {@link io.peerpods.cloud.CloudProvider#delete}. */
    public void delete(SandboxId sandboxId, LaunchLog log) throws CloudException, InterruptedException {
        LaunchRecord record = LaunchRecord.open(log);
        Steps steps = new Steps();
        if (record.isComplete()) {
            recorded(sandboxId, record, steps);
            steps.report();
            record.gone();
        } else {
            tagged(sandboxId, steps);
            steps.report();
        }
    }

    private void recorded(SandboxId sandboxId, LaunchRecord record, Steps steps) throws InterruptedException {
        steps.run(() -> calls.sender().resolveForDeletion(record));
        for (String instance : record.instances()) {
            steps.run(() -> terminate(instance, record));
        }
        if (record.looksForAddresses()) {
            steps.run(() -> releaseTagged(sandboxId, steps));
        }
        for (LaunchRecord.Address address : record.addresses()) {
            if (!address.allocation().isEmpty()) {
                steps.run(() -> calls.addresses().release(address.allocation(), address.association()));
            }
        }
        if (record.secondaryIsOnItsOwn()) {
            steps.run(() -> deleteSecondary(sandboxId, record));
        }
    }

    /**
     * The VM ends first: a guest that runs has data which are not on its volumes yet. EC2 detaches them when it has ended; a volume
     * that is attached even then is detached here, so that the next pod can have it.
     */
    private void terminate(String instance, LaunchRecord record) throws CloudException, InterruptedException {
        boolean known = calls.termination().terminate(instance);
        boolean withVolumes =
                instance.equals(record.instance()) && !record.volumes().isEmpty();
        if (known && (withVolumes || record.secondaryIsOnItsOwn())) {
            calls.instances().awaitTerminated(instance, UNTIL_TERMINATED);
        }
        if (!withVolumes) {
            return;
        }
        for (String volume : record.volumes()) {
            calls.volumes().detach(volume, instance);
        }
    }

    /** An address whose allocation had no answer may not be found at once. */
    private void releaseTagged(SandboxId sandboxId, Steps steps) throws CloudException, InterruptedException {
        calls.window().finds(() -> {
            List<Address> found = calls.addresses().find(tags.ofSandboxes(List.of(sandboxId)));
            release(found, steps);
            return !found.isEmpty();
        });
    }

    private void deleteSecondary(SandboxId sandboxId, LaunchRecord record) throws CloudException, InterruptedException {
        if (!record.secondaryId().isEmpty()) {
            calls.interfaces().delete(record.secondaryId());
            return;
        }
        // The answer to its making was lost: it may not be found at once.
        calls.window().finds(() -> {
            List<NetworkInterface> found = calls.interfaces().find(tags.ofSandboxes(List.of(sandboxId))).stream()
                    .filter(nic -> nic.attachment() == null)
                    .toList();
            for (NetworkInterface nic : found) {
                calls.interfaces().delete(nic.networkInterfaceId());
            }
            return !found.isEmpty();
        });
    }

    private void tagged(SandboxId sandboxId, Steps steps) throws CloudException, InterruptedException {
        Leftovers.Found found = leftovers.of(sandboxId);
        for (String instance : found.instances()) {
            steps.run(() -> calls.termination().terminate(instance));
        }
        release(found.addresses(), steps);
        if (!found.interfaces().isEmpty()) {
            for (String instance : found.instances()) {
                steps.run(() -> calls.instances().awaitTerminated(instance, UNTIL_TERMINATED));
            }
        }
        for (String nic : found.interfaces()) {
            steps.run(() -> calls.interfaces().delete(nic));
        }
    }

    private void release(List<Address> addresses, Steps steps) throws InterruptedException {
        for (Address address : addresses) {
            steps.run(() -> calls.addresses()
                    .release(
                            address.allocationId(),
                            Optional.ofNullable(address.associationId()).orElse("")));
        }
    }

    private interface Step {
        void run() throws CloudException, InterruptedException;
    }

    private static final class Steps {

        private @Nullable CloudException first;

        void run(Step step) throws InterruptedException {
            try {
                step.run();
            } catch (CloudException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }

        void report() throws CloudException {
            if (first != null) {
                throw first;
            }
        }
    }
}
