package io.peerpods.adaptor.volumes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import io.peerpods.cloud.VolumeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DirectVolumesTest {

    private static final String MINE = "11111111-2222-3333-4444-555555555555";
    private static final String OTHERS = "99999999-2222-3333-4444-555555555555";

    @TempDir
    Path directory;

    @Test
    void aPodGetsTheVolumesUnderItsOwnUidAndNobodyElses() throws IOException {
        put("/var/lib/kubelet/pods/" + OTHERS + "/volumes/kubernetes.io~csi/pvc-a/mount", "vol-0aaa");
        put("/var/lib/kubelet/pods/" + MINE + "/volumes/kubernetes.io~csi/pvc-c/mount", "vol-0ccc");
        put("/var/lib/kubelet/pods/" + MINE + "/volumes/kubernetes.io~csi/pvc-b/mount", "vol-0bbb");

        assertThat(new DirectVolumes(directory).of(MINE))
                .extracting(VolumeSpec::name, VolumeSpec::volumeId)
                .containsExactly(tuple("vol-0", "vol-0bbb"), tuple("vol-1", "vol-0ccc"));
    }

    @Test
    void anUnknownUidHasNoVolumes() throws IOException {
        put("/var/lib/kubelet/pods/" + OTHERS + "/volumes/kubernetes.io~csi/pvc-a/mount", "vol-0aaa");

        assertThat(new DirectVolumes(directory).of("")).isEmpty();
    }

    @Test
    void everythingThatTheFileSaysIsKept() throws IOException {
        String target = "/var/lib/kubelet/pods/" + MINE + "/volumes/kubernetes.io~csi/pvc-a/mount";
        put(target, "vol-0aaa");

        assertThat(new DirectVolumes(directory).of(MINE).getFirst().options())
                .containsEntry(DirectVolumes.TARGET_PATH, target)
                .containsEntry(DirectVolumes.FS_TYPE, "ext4")
                .containsEntry(DirectVolumes.FS_GROUP, "1000")
                .containsEntry(DirectVolumes.MOUNT_OPTIONS, "ro,noatime");
    }

    @Test
    void newerDriversSayReadOnlyAndGroupBesideTheMetadata() throws IOException {
        write(
                "/x/pods/" + MINE + "/volumes/kubernetes.io~csi/p/mount",
                "{\"device\":\"vol-0ddd\",\"readonly\":true,\"fs-group\":\"7\",\"options\":[\"noatime\"]}");

        assertThat(new DirectVolumes(directory).of(MINE).getFirst().options())
                .containsEntry(DirectVolumes.MOUNT_OPTIONS, "noatime,ro")
                .containsEntry(DirectVolumes.FS_GROUP, "7");
    }

    @Test
    void theGroupInTheMetadataCountsBeforeTheOneBesideIt() throws IOException {
        write(
                "/x/pods/" + MINE + "/volumes/kubernetes.io~csi/p/mount",
                "{\"device\":\"vol-0ddd\",\"fs-group\":\"7\",\"metadata\":{\"fsGroup\":\"8\"}}");

        assertThat(new DirectVolumes(directory).of(MINE).getFirst().options())
                .containsEntry(DirectVolumes.FS_GROUP, "8");
    }

    @Test
    void aVolumeIsKnownByItsTargetPath() throws IOException {
        DirectVolumes volumes = new DirectVolumes(directory);
        String target = "/var/lib/kubelet/pods/" + OTHERS + "/volumes/kubernetes.io~csi/pvc-a/mount";
        assertThat(volumes.isEmpty()).isTrue();
        assertThat(new DirectVolumes(directory.resolve("none")).isEmpty()).isTrue();
        assertThat(volumes.has(target)).isFalse();
        put(target, "vol-0aaa");
        assertThat(volumes.isEmpty()).isFalse();
        assertThat(volumes.has(target)).isTrue();
        assertThat(volumes.has(target + "/")).isFalse();
        assertThat(volumes.has("/volumes/kubernetes.io~csi/" + "x".repeat(5000)))
                .isFalse();
        write("/etc", "{}");
        assertThat(volumes.has("/etc")).isFalse();
    }

    @Test
    void theDeviceNamesTheVolumeWhenTheMetadataDoesNot() throws IOException {
        write(
                "/x/pods/" + MINE + "/volumes/kubernetes.io~csi/p/mount",
                "{\"device\":\"vol-0ddd\",\"metadata\":null,\"options\":null}");

        assertThat(new DirectVolumes(directory).of(MINE))
                .extracting(VolumeSpec::volumeId)
                .containsExactly("vol-0ddd");
    }

    @Test
    void brokenFilesAndNamesAreLeftOut() throws IOException {
        write("/x/pods/" + MINE + "/volumes/kubernetes.io~csi/p/mount", "{\"device\":");
        write("/x/pods/" + MINE + "/volumes/kubernetes.io~csi/q/mount", "[]");
        write("/x/pods/" + MINE + "/volumes/kubernetes.io~csi/../../../../pods/z", "{\"device\":\"vol-0eee\"}");
        Files.createDirectories(directory.resolve("not base64!"));

        assertThat(new DirectVolumes(directory).of(MINE)).isEmpty();
    }

    @Test
    void aTargetThatOnlyMentionsThePodIsNotThePods() throws IOException {
        put(
                "/var/lib/kubelet/pods/" + OTHERS + "/volumes/kubernetes.io~csi/pods/" + MINE
                        + "/volumes/kubernetes.io~csi/p",
                "vol-0");

        assertThat(new DirectVolumes(directory).of(MINE)).isEmpty();
    }

    @Test
    void textsThatWouldChangeALogLineOrACallAreLeftOut() throws IOException {
        String volumes = "/var/lib/kubelet/pods/" + MINE + "/volumes/kubernetes.io~csi/";
        put(volumes + "a\nb/mount", "vol-0aaa");
        put(volumes + "b/mount", "vol-0bbb\\u001b");
        put(volumes + "c/mount", "vol 0ccc");
        write(volumes + "d/mount", "{\"device\":\"vol-0ddd\",\"fstype\":\"ext4\\u2028\"}");
        put(volumes + "e/mount", "/subscriptions/s/disks/eee");

        assertThat(new DirectVolumes(directory).of(MINE))
                .extracting(VolumeSpec::volumeId)
                .containsExactly("/subscriptions/s/disks/eee");
    }

    @Test
    void noDirectoryIsNoVolumes() {
        assertThat(new DirectVolumes(directory.resolve("none")).of(MINE)).isEmpty();
    }

    private void put(String target, String volume) throws IOException {
        write(target, """
                {"volume-type":"block","device":"/dev/x","fstype":"ext4","options":["ro","noatime"],
                 "metadata":{"cloud-volume-path":"%s","fsGroup":"1000"}}""".formatted(volume));
    }

    private void write(String target, String json) throws IOException {
        String name = Base64.getUrlEncoder().encodeToString(target.getBytes(StandardCharsets.UTF_8));
        Path entry = Files.createDirectories(directory.resolve(name));
        Files.writeString(entry.resolve("mountInfo.json"), json);
    }
}
