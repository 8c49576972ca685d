package io.peerpods.cloud.aws.instance;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.LaunchLog;
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
    public void delete(String sandboxId, LaunchLog log) throws CloudException, InterruptedException {
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

    private void recorded(String sandboxId, LaunchRecord record, Steps steps) throws InterruptedException {
        steps.run(() -> calls.sender().resolveForDeletion(record));
        if (!record.instance().isEmpty()) {
            for (String volume : record.volumes()) {
                steps.run(() -> calls.volumes().detach(volume, record.instance()));
            }
        }
        for (String instance : record.instances()) {
            steps.run(() -> calls.termination().terminate(instance));
        }
        if (record.looksForAddresses()) {
            steps.run(() -> release(calls.addresses().find(tags.ofSandboxes(List.of(sandboxId))), steps));
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

    private void deleteSecondary(String sandboxId, LaunchRecord record) throws CloudException, InterruptedException {
        if (!record.instance().isEmpty()) {
            calls.instances().awaitTerminated(record.instance(), UNTIL_TERMINATED);
        }
        if (!record.secondaryId().isEmpty()) {
            calls.interfaces().delete(record.secondaryId());
            return;
        }
        for (NetworkInterface nic : calls.interfaces().find(tags.ofSandboxes(List.of(sandboxId)))) {
            if (nic.attachment() == null) {
                calls.interfaces().delete(nic.networkInterfaceId());
            }
        }
    }

    private void tagged(String sandboxId, Steps steps) throws CloudException, InterruptedException {
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
