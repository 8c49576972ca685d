package io.peerpods.config.volume;

import java.util.List;

/**
 * A cloud volume that a container mounts, as the worker tells the VM about it.
 *
 * @param lun the volume's number in the order in which the volumes were attached, from 0
 * @param diskId the cloud's name of the volume, such as {@code vol-0123456789abcdef0}
 * @param mountPoint where the container mounts it: the destination of one of its mounts
 * @param fsType the file system that a blank volume gets: ext4, ext3 or xfs
 * @param readOnly whether nothing may be written to it
 * @param options mount options beside {@code ro}
 * @param fsGroup the group that owns the files, or empty
 * @param encryptType how it is encrypted in the VM ({@code luks2}), or empty
 * @param keyId the key's path at the key broker, empty without encryption
 */
public record CloudVolume(
        int lun,
        String diskId,
        String mountPoint,
        String fsType,
        boolean readOnly,
        List<String> options,
        String fsGroup,
        String encryptType,
        String keyId) {

    public CloudVolume {
        options = List.copyOf(options);
    }

    /** {@code vol-} and the number. */
    public String name() {
        return "vol-" + lun;
    }

    public boolean isEncrypted() {
        return !encryptType.isEmpty();
    }
}
