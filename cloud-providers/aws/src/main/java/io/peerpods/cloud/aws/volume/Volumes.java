package io.peerpods.cloud.aws.volume;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.InvalidRequest;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.cloud.aws.ec2.ConsistencyWindow;
import io.peerpods.cloud.aws.ec2.Ec2Api;
import io.peerpods.cloud.aws.ec2.Ec2Errors;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.ec2.model.AttachVolumeRequest;
import software.amazon.awssdk.services.ec2.model.DescribeVolumesRequest;
import software.amazon.awssdk.services.ec2.model.DetachVolumeRequest;
import software.amazon.awssdk.services.ec2.model.Volume;
import software.amazon.awssdk.services.ec2.model.VolumeState;

/** EBS volumes that pods mount: looked at before the launch, attached, detached. Thread-safe. */
public final class Volumes {

    /** Device names /dev/xvdb to /dev/xvdz. */
    private static final int MOST = 25;

    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(1);
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /** EC2 says these of a volume that it knows. */
    private static final Set<String> NOT_ATTACHED = Set.of("IncorrectState", "InvalidAttachment.NotFound");

    private final Ec2Api ec2;
    private final ConsistencyWindow window;

    public Volumes(Ec2Api ec2, ConsistencyWindow window) {
        this.ec2 = ec2;
        this.window = window;
    }

    /**
     * Checks that the volumes can be attached.
     *
     * @return the availability zone that they are in; empty when there are none
     * @throws CloudException naming the volume that is missing, in use, or in another zone than the others
     */
    public Optional<String> check(List<VolumeSpec> specs) throws CloudException, InterruptedException {
        if (specs.isEmpty()) {
            return Optional.empty();
        }
        if (specs.size() > MOST) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE, "the pod has " + specs.size() + " volumes, a VM can have " + MOST);
        }
        List<String> ids = specs.stream().map(VolumeSpec::volumeId).toList();
        Map<String, Volume> found = new HashMap<>();
        ec2.describeVolumes(DescribeVolumesRequest.builder().volumeIds(ids).build())
                .volumes()
                .forEach(volume -> found.put(volume.volumeId(), volume));
        Set<String> zones = new LinkedHashSet<>();
        for (String id : ids) {
            Volume volume = found.get(id);
            if (volume == null) {
                throw new NotFound(Outcome.NOT_DONE, "volume " + id + " does not exist in this region");
            }
            if (volume.state() != VolumeState.AVAILABLE) {
                throw new InvalidRequest(
                        Outcome.NOT_DONE,
                        "volume " + id + " is " + volume.stateAsString() + ", not available: another VM has it");
            }
            zones.add(volume.availabilityZone());
        }
        if (zones.size() > 1) {
            throw new InvalidRequest(
                    Outcome.NOT_DONE,
                    "volumes " + ids + " are in several zones " + zones + ": one VM cannot have them");
        }
        return zones.stream().findFirst();
    }

    /** Attaches the volumes to a running instance, in their order from /dev/xvdb on. Those that it has are left. */
    public void attach(List<String> ids, String instance) throws CloudException, InterruptedException {
        for (int i = 0; i < ids.size(); i++) {
            attach(ids.get(i), instance, "/dev/xvd" + (char) ('b' + i));
        }
    }

    private void attach(String id, String instance, String device) throws CloudException, InterruptedException {
        var request = AttachVolumeRequest.builder()
                .volumeId(id)
                .instanceId(instance)
                .device(device)
                .build();
        long giveUp = ec2.time().nanos() + PATIENCE.toNanos();
        while (true) {
            try {
                ec2.attachVolume(request);
                return;
            } catch (InvalidRequest | Unavailable e) {
                if (isAttached(id, instance)) {
                    return;
                }
                boolean early = Ec2Errors.code(e).equals("IncorrectState") || e.outcome() == Outcome.UNKNOWN;
                if (!early || ec2.time().nanos() >= giveUp) {
                    throw e;
                }
                ec2.time().sleep(BETWEEN_TRIES);
            }
        }
    }

    private boolean isAttached(String id, String instance) throws CloudException, InterruptedException {
        return ec2
                .describeVolumes(DescribeVolumesRequest.builder().volumeIds(id).build())
                .volumes()
                .stream()
                .flatMap(volume -> volume.attachments().stream())
                .anyMatch(attachment -> instance.equals(attachment.instanceId()));
    }

    /**
     * Asks EC2 to detach a volume from an instance. Where it is not attached there is nothing to do; a volume that EC2 has not known
     * for the whole {@link ConsistencyWindow} is gone.
     */
    public void detach(String id, String instance) throws CloudException, InterruptedException {
        var request =
                DetachVolumeRequest.builder().volumeId(id).instanceId(instance).build();
        window.finds(() -> {
            try {
                ec2.detachVolume(request);
                return true;
            } catch (NotFound e) {
                return NOT_ATTACHED.contains(Ec2Errors.code(e));
            } catch (InvalidRequest e) {
                if (!NOT_ATTACHED.contains(Ec2Errors.code(e)) && isAttached(id, instance)) {
                    throw e;
                }
                return true;
            }
        });
    }
}
