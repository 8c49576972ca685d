package io.peerpods.agent.edits;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.agent.volumes.VolumeException;
import io.peerpods.agent.volumes.VolumeMounts;
import io.peerpods.config.ConfigException;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.config.volume.CloudVolumes;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Spec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Puts the cloud volumes that a container's annotation names in the place of the mounts that stand for them on the worker. */
final class ContainerVolumes {

    /** In the paths of what kubelet has a CSI driver mount. */
    private static final String CSI = "/volumes/kubernetes.io~csi/";

    private ContainerVolumes() {}

    /** All of the annotation is checked before anything is mounted. */
    static void mount(Spec.Builder spec, VolumeMounts mounts) throws StatusException {
        String annotation = spec.getAnnotationsOrDefault(CloudVolumes.ANNOTATION, "");
        if (annotation.isEmpty()) {
            return;
        }
        try {
            List<CloudVolume> volumes = CloudVolumes.parse(annotation);
            List<String> sources = new ArrayList<>();
            for (CloudVolume volume : volumes) {
                sources.add(source(spec, volume));
            }
            for (int i = 0; i < volumes.size(); i++) {
                Path at = mounts.mount(volumes.get(i));
                replace(spec, sources.get(i), at.toString());
            }
        } catch (ConfigException e) {
            throw Status.INVALID_ARGUMENT.withDescription(e.getMessage()).asException();
        } catch (VolumeException e) {
            throw Status.FAILED_PRECONDITION.withDescription(e.getMessage()).asException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Status.CANCELLED.withDescription("podvm-agent is stopping").asException();
        }
    }

    private static String source(Spec.Builder spec, CloudVolume volume) throws ConfigException {
        for (Mount mount : spec.getMountsList()) {
            if (mount.getDestination().equals(volume.mountPoint())) {
                if (!mount.getSource().startsWith("/") || !mount.getSource().contains(CSI)) {
                    throw new ConfigException(CloudVolumes.ANNOTATION + ": " + volume.name() + " is for the mount at "
                            + volume.mountPoint() + ", which is no CSI volume of kubelet's");
                }
                return mount.getSource();
            }
        }
        throw new ConfigException(CloudVolumes.ANNOTATION + ": " + volume.name() + " is for a mount at "
                + volume.mountPoint() + ", which the container does not have");
    }

    private static void replace(Spec.Builder spec, String source, String by) {
        for (int i = 0; i < spec.getMountsCount(); i++) {
            if (spec.getMounts(i).getSource().equals(source)) {
                spec.getMountsBuilder(i).setSource(by).setType("bind");
            }
        }
    }
}
