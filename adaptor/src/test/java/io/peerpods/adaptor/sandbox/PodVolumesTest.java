package io.peerpods.adaptor.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.volumes.DirectVolumes;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.VolumeSpec;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PodVolumesTest {

    @TempDir
    Path directory;

    private final List<String> asked = new ArrayList<>();

    @Test
    void theClusterIsAskedOnlyWhereThereAreVolumesAndTheRuntimeDoesNotSay() throws Exception {
        PodVolumes volumes = new PodVolumes(new DirectVolumes(directory), (namespace, name) -> {
            asked.add(namespace + "/" + name);
            return Optional.of("1-2");
        });
        assertThat(volumes.of(pod(""))).isEmpty();
        assertThat(asked).isEmpty();

        put("1-2", "vol-0a");
        put("3-4", "vol-0b");
        assertThat(volumes.of(pod("3-4"))).extracting(VolumeSpec::volumeId).containsExactly("vol-0b");
        assertThat(asked).isEmpty();
        assertThat(volumes.of(pod(""))).extracting(VolumeSpec::volumeId).containsExactly("vol-0a");
        assertThat(asked).containsExactly("default/web");
    }

    @Test
    void createVmFailsWhenTheClusterDoesNotTellThePodsUid() throws Exception {
        put("1-2", "vol-0a");
        PodVolumes volumes = new PodVolumes(new DirectVolumes(directory), (namespace, name) -> {
            throw new SocketTimeoutException("Read timed out");
        });
        StatusException failed = catchThrowableOfType(StatusException.class, () -> volumes.of(pod("")));
        assertThat(failed.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(failed.getStatus().getDescription()).contains("default/web", "UID", "Read timed out");
    }

    @Test
    void aPodOfUnknownUidHasNoVolumes() throws Exception {
        put("1-2", "vol-0a");
        assertThat(new PodVolumes(new DirectVolumes(directory), PodUids.NONE).of(pod("")))
                .isEmpty();
    }

    private static PodRequest pod(String uid) throws Exception {
        return PodRequest.of(
                SandboxId.parse("s"),
                Map.of(
                        "io.kubernetes.cri.sandbox-name", "web",
                        "io.kubernetes.cri.sandbox-namespace", "default",
                        "io.kubernetes.cri.sandbox-uid", uid));
    }

    private void put(String uid, String volume) throws Exception {
        String target = "/var/lib/kubelet/pods/" + uid + "/volumes/kubernetes.io~csi/pvc/mount";
        String name = Base64.getUrlEncoder().encodeToString(target.getBytes(StandardCharsets.UTF_8));
        Files.writeString(
                Files.createDirectory(directory.resolve(name)).resolve("mountInfo.json"),
                "{\"device\":\"" + volume + "\"}");
    }
}
