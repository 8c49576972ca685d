package io.peerpods.adaptor.sandbox;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.volumes.DirectVolumes;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.VolumeSpec;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.config.volume.CloudVolumes;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.Mount;
import io.peerpods.relay.AgentEdits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker's only changes to calls: annotations of a container by which the VM finds its cloud volumes and its GPUs. The volumes
 * and their numbers are those that the VM was launched with, whatever has become of their files since. Thread-safe.
 */
public final class ContainerEdits implements AgentEdits {

    /** The annotation by which kata-agent gives a container its GPUs. */
    public static final String DEVICES = "cdi.k8s.io/peer-pods";

    private static final Logger log = LoggerFactory.getLogger(ContainerEdits.class);

    private static final String SERVICE = "grpc.AgentService";
    private static final String METHOD = "CreateContainer";
    private static final String ALL_GPUS = "nvidia.com/gpu=all";

    private final LaunchSpec launched;
    private final DirectVolumes onWorker;

    /**
     * @param launched what the pod's VM was launched with
     * @param onWorker tells which other volumes containers of this worker mount
     */
    public ContainerEdits(LaunchSpec launched, DirectVolumes onWorker) {
        this.launched = launched;
        this.onWorker = onWorker;
    }

    @Override
    public boolean concern(String service, String method) {
        return method.equals(METHOD)
                && service.equals(SERVICE)
                && (launched.gpus() > 0 || !launched.volumes().isEmpty() || !onWorker.isEmpty());
    }

    @Override
    public ByteString edit(String service, String method, ByteString payload) throws StatusException {
        CreateContainerRequest request;
        try {
            request = CreateContainerRequest.parseFrom(payload);
        } catch (InvalidProtocolBufferException e) {
            throw Status.INTERNAL
                    .withDescription("the adaptor cannot read " + METHOD + ": " + e.getMessage())
                    .asException();
        }
        if (!request.hasOCI()) {
            return payload; // the agent says what is wrong with it
        }
        List<Mount> mounts = request.getOCI().getMountsList();
        requireAttached(request.getContainerId(), mounts);
        List<CloudVolume> volumes = volumes(mounts);
        if (volumes.isEmpty() && launched.gpus() == 0) {
            return payload;
        }
        CreateContainerRequest.Builder edited = request.toBuilder();
        if (!volumes.isEmpty()) {
            log.info(
                    "container {} of pod {}/{} mounts {}",
                    request.getContainerId(),
                    launched.podNamespace(),
                    launched.podName(),
                    volumes);
            edited.getOCIBuilder().putAnnotations(CloudVolumes.ANNOTATION, CloudVolumes.toJson(volumes));
        }
        if (launched.gpus() > 0) {
            edited.getOCIBuilder().putAnnotations(DEVICES, ALL_GPUS);
        }
        return edited.build().toByteString();
    }

    /** Those of the VM's volumes that the container mounts, under the numbers by which they were attached. */
    private List<CloudVolume> volumes(List<Mount> mounts) {
        List<CloudVolume> found = new ArrayList<>();
        for (int lun = 0; lun < launched.volumes().size(); lun++) {
            VolumeSpec spec = launched.volumes().get(lun);
            String target = spec.options().get(DirectVolumes.TARGET_PATH);
            int number = lun;
            mounts.stream()
                    .filter(mount -> mount.getSource().equals(target))
                    .findFirst()
                    .ifPresent(mount -> found.add(volume(number, spec, mount.getDestination())));
        }
        return found;
    }

    private static CloudVolume volume(int lun, VolumeSpec spec, String mountPoint) {
        Map<String, String> said = spec.options();
        List<String> options = new ArrayList<>(
                Arrays.stream(said.getOrDefault(DirectVolumes.MOUNT_OPTIONS, "").split(",", -1))
                        .map(String::strip)
                        .filter(option -> !option.isEmpty())
                        .toList());
        boolean readOnly = options.removeIf("ro"::equals);
        return new CloudVolume(
                lun,
                spec.volumeId(),
                mountPoint,
                said.getOrDefault(DirectVolumes.FS_TYPE, CloudVolumes.DEFAULT_FS_TYPE),
                readOnly,
                options,
                said.getOrDefault(DirectVolumes.FS_GROUP, ""),
                said.getOrDefault(DirectVolumes.ENCRYPT_TYPE, ""),
                said.getOrDefault(DirectVolumes.KEY_ID, ""));
    }

    /** A container whose volume is not there would write to the VM's own disk and lose it all with the VM. */
    private void requireAttached(String container, List<Mount> mounts) throws StatusException {
        for (Mount mount : mounts) {
            String source = mount.getSource();
            if (launched.volumes().stream()
                    .anyMatch(volume -> source.equals(volume.options().get(DirectVolumes.TARGET_PATH)))) {
                continue;
            }
            if (onWorker.has(source)) {
                throw Status.FAILED_PRECONDITION
                        .withDescription("container " + container + " of pod " + launched.podNamespace() + "/"
                                + launched.podName() + " mounts a cloud volume at " + mount.getDestination()
                                + " that is not attached to its VM " + launched.name() + ": direct volume " + source
                                + ". Its file came after the VM was launched, or names no disk, or the pod's UID was not known (the runtime"
                                + " tells it by annotation io.kubernetes.cri.sandbox-uid of CreateVM, the API service to an account that may"
                                + " get pods): the adaptor's log of CreateVM says which. Put that right and delete the pod, so that it"
                                + " starts on a new VM")
                        .asException();
            }
        }
    }
}
