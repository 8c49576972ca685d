package io.peerpods.agent.edits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.agent.volumes.VolumeMounts;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.config.volume.CloudVolumes;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Spec;
import io.peerpods.testing.LoopDisk;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContainerVolumesTest {

    private static final String AGENT = "grpc.AgentService";
    private static final String SOURCE = "/var/lib/kubelet/pods/1-2/volumes/kubernetes.io~csi/pvc-a/mount";

    @TempDir
    Path machine;

    private Path place;
    private VolumeMounts mounts;
    private PodVmEdits edits;

    @BeforeEach
    void open() throws Exception {
        place = machine.toRealPath().resolve("cloud-volumes");
        mounts = new VolumeMounts(
                place,
                machine.resolve("sys/block"),
                machine.resolve("dev"),
                machine.resolve("cdh.sock"),
                Duration.ofMillis(50));
        edits = new PodVmEdits("/run/netns/podns", servers -> {}, mounts, nonce -> OptionalInt.empty());
    }

    @AfterEach
    void close() {
        mounts.unmountAll();
    }

    private static CreateContainerRequest container(String annotation, Mount... more) {
        return CreateContainerRequest.newBuilder()
                .setContainerId("c")
                .setOCI(Spec.newBuilder()
                        .addMounts(mount("proc", "/proc"))
                        .addMounts(mount(SOURCE, "/data"))
                        .addAllMounts(List.of(more))
                        .putAnnotations(CloudVolumes.ANNOTATION, annotation))
                .build();
    }

    private static Mount mount(String source, String destination) {
        return Mount.newBuilder()
                .setSource(source)
                .setDestination(destination)
                .setType(source.startsWith("/") ? "" : source)
                .addOptions("rbind")
                .addOptions("ro")
                .build();
    }

    private static CloudVolume volume(int lun, String disk, String mountPoint) {
        return new CloudVolume(lun, disk, mountPoint, "ext4", false, List.of(), "", "", "");
    }

    private CreateContainerRequest edited(CreateContainerRequest request) throws Exception {
        return CreateContainerRequest.parseFrom(edits.edit(AGENT, "CreateContainer", request.toByteString()));
    }

    private Status refusal(CreateContainerRequest request) {
        return catchThrowableOfType(StatusException.class, () -> edited(request))
                .getStatus();
    }

    @Test
    @NeedsRoot
    @NeedsProgram({"losetup", "mkfs.ext4", "mount"})
    void theContainerSeesTheVolumeInPlaceOfTheWorkersDirectoryUntilTheSandboxEnds() throws Exception {
        try (LoopDisk disk = LoopDisk.blank(machine.resolve("disk"), 16 << 20)) {
            disk.appear(machine, "nvme1n1", "vol0aaaaaaaa");
            String annotation = CloudVolumes.toJson(List.of(volume(2, "vol-0aaaaaaaa", "/data")));
            CreateContainerRequest edited =
                    edited(container(annotation, mount(SOURCE, "/again"), mount("/run/hosts", "/etc/hosts")));
            String at = place.resolve("vol-2").toString();
            assertThat(edited.getOCI().getMountsList())
                    .containsExactly(
                            mount("proc", "/proc"),
                            mount(SOURCE, "/data").toBuilder()
                                    .setSource(at)
                                    .setType("bind")
                                    .build(),
                            mount(SOURCE, "/again").toBuilder()
                                    .setSource(at)
                                    .setType("bind")
                                    .build(),
                            mount("/run/hosts", "/etc/hosts"));
            assertThat(edited.getOCI().getLinux().getNamespaces(0).getPath()).isEqualTo("/run/netns/podns");
            assertThat(Programs.require("cat", "/proc/self/mountinfo")).contains(" " + at + " ");

            ByteString end = ByteString.copyFromUtf8("whatever it says");
            assertThat(edits.edit(AGENT, "DestroySandbox", end)).isSameAs(end);
            assertThat(Programs.require("cat", "/proc/self/mountinfo")).doesNotContain(at);
        }
    }

    @Test
    void aDiskThatIsNotThereStopsTheContainer() {
        Status refused = refusal(container(CloudVolumes.toJson(List.of(volume(0, "vol-0aaaaaaaa", "/data")))));
        assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(refused.getDescription()).contains("vol-0 (vol-0aaaaaaaa, for /data)", "not appeared");
    }

    @Test
    void anAnnotationThatDoesNotFitTheContainerIsRefusedBeforeAnythingIsMounted() {
        for (String mountPoint : List.of("/proc", "/elsewhere")) {
            Status refused = refusal(container(CloudVolumes.toJson(
                    List.of(volume(0, "vol-0aaaaaaaa", "/data"), volume(1, "vol-0bbbbbbbb", mountPoint)))));
            assertThat(refused.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(refused.getDescription()).contains("vol-1", mountPoint);
        }
        assertThat(refusal(container("{\"vol-0\":{}}")).getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(place).doesNotExist();
    }

    @Test
    void anEmptyAnnotationIsNone() throws Exception {
        assertThat(edited(container("")).getOCI().getMounts(1).getSource()).isEqualTo(SOURCE);
    }
}
