package io.peerpods.agent.volumes;

import io.grpc.StatusRuntimeException;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.proto.datahub.SecureMountRequest;
import io.peerpods.proto.datahub.SecureMountServiceGrpc;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The confidential data hub of the guest components: it gets a volume's key from the key broker, with the VM's attestation, and
 * opens and mounts the volume (its plugin {@code block-device}).
 */
final class DataHub {

    private static final Duration LIMIT = Duration.ofMinutes(5);
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(200);

    private final Path socket;
    private final Duration patience;

    /** @param patience how long its socket is waited for */
    DataHub(Path socket, Duration patience) {
        this.socket = socket;
        this.patience = patience;
    }

    /**
     * Opens the volume under a name of device-mapper and mounts it.
     *
     * @param empty whether there is nothing on the disk: then it is encrypted, and gets a file system, first
     */
    void mount(CloudVolume volume, Path device, boolean empty, String mapperName, Path at)
            throws VolumeException, InterruptedException {
        SecureMountRequest request = SecureMountRequest.newBuilder()
                .setVolumeType("block-device")
                .putOptions("devicePath", device.toString())
                .putOptions("sourceType", empty ? "empty" : "encrypted")
                .putOptions("targetType", "fileSystem")
                .putOptions("encryptionType", volume.encryptType())
                .putOptions("filesystemType", volume.fsType())
                .putOptions("key", "kbs:///" + volume.keyId())
                .putOptions("mapperName", mapperName)
                .setMountPoint(at.toString())
                .build();
        try (TtrpcChannel channel = connect()) {
            var _ = SecureMountServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(LIMIT)
                    .secureMount(request);
        } catch (StatusRuntimeException e) {
            throw new VolumeException(
                    "the confidential data hub cannot mount it with key " + volume.keyId() + ": "
                            + e.getStatus().getCode() + " " + e.getStatus().getDescription(),
                    e);
        }
    }

    private TtrpcChannel connect() throws VolumeException, InterruptedException {
        long end = System.nanoTime() + patience.toNanos();
        while (true) {
            try {
                return TtrpcChannel.connect(UnixDomainSocketAddress.of(socket));
            } catch (IOException e) {
                if (System.nanoTime() - end > 0) {
                    throw new VolumeException(
                            "it is encrypted, and there is no confidential data hub at " + socket
                                    + " to open it; the VM's image needs the guest components",
                            e);
                }
                Thread.sleep(BETWEEN_TRIES);
            }
        }
    }
}
