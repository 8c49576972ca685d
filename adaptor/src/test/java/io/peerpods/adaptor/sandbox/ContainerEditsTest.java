package io.peerpods.adaptor.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.volumes.DirectVolumes;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.SandboxId;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.config.volume.CloudVolumes;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Spec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ContainerEditsTest {

    private static final String AGENT = "grpc.AgentService";
    private static final String UID = "11111111-2222-3333-4444-555555555555";
    private static final String OTHER_UID = "99999999-2222-3333-4444-555555555555";

    @TempDir
    Path directory;

    @Test
    void aPodWithNeitherVolumesNorGpusIsNotTouchedAtAll() {
        ContainerEdits edits = edits(0);
        assertThat(edits.concern(AGENT, "CreateContainer")).isFalse();
        assertThat(edits(1).concern(AGENT, "CreateContainer")).isTrue();
        assertThat(edits(1).concern(AGENT, "StartContainer")).isFalse();
        assertThat(edits(1).concern("other.Service", "CreateContainer")).isFalse();
    }

    @Test
    void aVolumeThatTheContainerMountsIsTold() throws Exception {
        put(UID, "pvc-a", """
                {"fstype":"xfs","options":["ro","noatime"],
                 "metadata":{"cloud-volume-path":"vol-0aaaaaaa","fsGroup":"1000"}}""");
        assertThat(edits(0).concern(AGENT, "CreateContainer")).isTrue();
        assertThat(volumes(edited(edits(0), container(mount(UID, "pvc-a", "/data")))))
                .containsExactly(
                        new CloudVolume(0, "vol-0aaaaaaa", "/data", "xfs", true, List.of("noatime"), "1000", "", ""));
    }

    @Test
    void aVolumeWithoutFileSystemTypeIsExt4AndEncryptionIsHandedOn() throws Exception {
        put(
                UID,
                "pvc-a",
                "{\"device\":\"vol-0a\",\"metadata\":{\"encrypt-type\":\"luks2\",\"kbs-key-id\":\"default/key/1\"}}");
        assertThat(volumes(edited(edits(0), container(mount(UID, "pvc-a", "/data")))))
                .containsExactly(
                        new CloudVolume(0, "vol-0a", "/data", "ext4", false, List.of(), "", "luks2", "default/key/1"));
    }

    @Test
    void eachContainerIsToldOfItsOwnVolumesUnderTheNumbersOfTheLaunch() throws Exception {
        put(UID, "pvc-a", "{\"device\":\"vol-0a\"}");
        put(UID, "pvc-b", "{\"metadata\":{}}"); // no disk: it is not attached and has no number
        put(UID, "pvc-c", "{\"device\":");
        put(OTHER_UID, "pvc-d", "{\"device\":\"vol-0d\"}");
        put(UID, "pvc-e", "{\"device\":\"vol-0e\"}");
        put(UID, "pvc-f", "{\"device\":\"vol-0f\"}");
        LaunchSpec launched = launched(0);
        // What comes and goes later changes no number.
        put(UID, "pvc-0", "{\"device\":\"vol-00\"}");
        put(UID, "pvc-b", "{\"device\":\"vol-0b\"}");
        ContainerEdits edits = new ContainerEdits(launched, new DirectVolumes(directory));
        assertThat(volumes(edited(
                        edits,
                        container(
                                mount(UID, "pvc-f", "/f"),
                                mount(UID, "pvc-a", "/a"),
                                mount(UID, "pvc-a", "/again"),
                                Mount.newBuilder()
                                        .setSource("proc")
                                        .setDestination("/proc")
                                        .build()))))
                .extracting(CloudVolume::name, CloudVolume::diskId, CloudVolume::mountPoint)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("vol-0", "vol-0a", "/a"),
                        org.assertj.core.groups.Tuple.tuple("vol-2", "vol-0f", "/f"));
        assertThat(volumes(edited(edits, container(mount(UID, "pvc-e", "/e")))))
                .extracting(CloudVolume::lun, CloudVolume::diskId)
                .containsExactly(org.assertj.core.groups.Tuple.tuple(1, "vol-0e"));
    }

    @Test
    void aContainerThatMountsNoneOfThemPassesAsItIs() throws Exception {
        put(UID, "pvc-a", "{\"device\":\"vol-0a\"}");
        ByteString payload = container(Mount.newBuilder()
                        .setSource("/run/kata-containers/shared/containers/x-hosts")
                        .setDestination("/etc/hosts")
                        .build())
                .toByteString();
        assertThat(edits(0).edit(AGENT, "CreateContainer", payload)).isSameAs(payload);
        ByteString noSpecification =
                CreateContainerRequest.newBuilder().setContainerId("c").build().toByteString();
        assertThat(edits(1).edit(AGENT, "CreateContainer", noSpecification)).isSameAs(noSpecification);
    }

    @Test
    void aVolumeThatIsNotAttachedStopsTheContainerAndIsNamed() throws Exception {
        LaunchSpec launched = launched(0);
        put(UID, "pvc-late", "{\"device\":\"vol-0a\"}");
        ContainerEdits edits = new ContainerEdits(launched, new DirectVolumes(directory));
        assertThat(edits.concern(AGENT, "CreateContainer")).isTrue();
        assertThatThrownBy(() -> edited(edits, container(mount(UID, "pvc-late", "/data"))))
                .isInstanceOfSatisfying(
                        StatusException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION))
                .hasMessageContaining("pvc-late")
                .hasMessageContaining("/data")
                .hasMessageContaining("default/web")
                .hasMessageContaining("podvm-web")
                .hasMessageContaining("sandbox-uid")
                .hasMessageContaining("delete the pod");
        // Other containers of the pod, and mounts that only look like it, are not concerned.
        assertThat(edited(edits, container(mount(UID, "pvc-unknown", "/x")))
                        .getOCI()
                        .getAnnotationsCount())
                .isZero();
    }

    @ParameterizedTest
    @CsvSource({"0,false", "1,true", "8,true"})
    void gpusAreGivenWhenThePodAskedForSome(int gpus, boolean given) throws Exception {
        put(OTHER_UID, "pvc-a", "{\"device\":\"vol-0a\"}"); // so that calls are looked at
        ByteString payload = container().toByteString();
        ByteString edited = edits(gpus).edit(AGENT, "CreateContainer", payload);
        assertThat(edited.equals(payload)).isEqualTo(!given);
        assertThat(CreateContainerRequest.parseFrom(edited).getOCI().getAnnotationsMap())
                .isEqualTo(given ? Map.of("cdi.k8s.io/peer-pods", "nvidia.com/gpu=all") : Map.of());
    }

    @ParameterizedTest
    @CsvSource({"'',0", "0,0", "' 0 ',0", "1,1", "2.0,2"})
    void kataSaysHowManyGpus(String annotation, int gpus) throws Exception {
        assertThat(PodRequest.of(
                                SandboxId.parse("s"),
                                Map.of(
                                        "io.kubernetes.cri.sandbox-name",
                                        "web",
                                        "io.kubernetes.cri.sandbox-namespace",
                                        "default",
                                        "io.katacontainers.config.hypervisor.default_gpus",
                                        annotation))
                        .gpus())
                .isEqualTo(gpus);
    }

    @Test
    void everythingElseSurvivesUnknownFieldsIncluded() throws Exception {
        put(UID, "pvc-a", "{\"device\":\"vol-0a\"}");
        CreateContainerRequest.Builder original = container(mount(UID, "pvc-a", "/data")).toBuilder()
                .setUnknownFields(
                        UnknownFieldSet.newBuilder().mergeVarintField(77, 7).build());
        original.getOCIBuilder()
                .putAnnotations("key", "value")
                .setUnknownFields(
                        UnknownFieldSet.newBuilder().mergeVarintField(66, 6).build());
        CreateContainerRequest edited = edited(edits(1), original.build());
        assertThat(edited.getOCI().getAnnotationsMap())
                .containsOnlyKeys("key", CloudVolumes.ANNOTATION, ContainerEdits.DEVICES);
        CreateContainerRequest.Builder back = edited.toBuilder();
        back.getOCIBuilder().removeAnnotations(CloudVolumes.ANNOTATION).removeAnnotations(ContainerEdits.DEVICES);
        assertThat(back.build()).isEqualTo(original.build());
    }

    @Test
    void whatIsNoMessageIsRefused() {
        assertThatThrownBy(() -> edits(1).edit(AGENT, "CreateContainer", ByteString.copyFrom(new byte[] {10, 100})))
                .isInstanceOf(StatusException.class)
                .hasMessageContaining("CreateContainer");
    }

    private ContainerEdits edits(int gpus) {
        return new ContainerEdits(launched(gpus), new DirectVolumes(directory));
    }

    private LaunchSpec launched(int gpus) {
        return new LaunchSpec(
                SandboxId.parse("s"),
                "web",
                "default",
                "podvm-web",
                "",
                false,
                "",
                0,
                0,
                gpus,
                "",
                "",
                new DirectVolumes(directory).of(UID));
    }

    private static CreateContainerRequest edited(ContainerEdits edits, CreateContainerRequest request)
            throws Exception {
        return CreateContainerRequest.parseFrom(edits.edit(AGENT, "CreateContainer", request.toByteString()));
    }

    private static List<CloudVolume> volumes(CreateContainerRequest request) throws Exception {
        return CloudVolumes.parse(request.getOCI().getAnnotationsOrThrow(CloudVolumes.ANNOTATION));
    }

    private static CreateContainerRequest container(Mount... mounts) {
        return CreateContainerRequest.newBuilder()
                .setContainerId("c1")
                .setOCI(Spec.newBuilder().addAllMounts(List.of(mounts)))
                .build();
    }

    private static Mount mount(String uid, String volume, String destination) {
        return Mount.newBuilder()
                .setSource(target(uid, volume))
                .setDestination(destination)
                .setType("bind")
                .addOptions("rbind")
                .build();
    }

    private static String target(String uid, String volume) {
        return "/var/lib/kubelet/pods/" + uid + "/volumes/kubernetes.io~csi/" + volume + "/mount";
    }

    private void put(String uid, String volume, String json) throws IOException {
        String name = Base64.getUrlEncoder().encodeToString(target(uid, volume).getBytes(StandardCharsets.UTF_8));
        Files.writeString(Files.createDirectories(directory.resolve(name)).resolve("mountInfo.json"), json);
    }
}
