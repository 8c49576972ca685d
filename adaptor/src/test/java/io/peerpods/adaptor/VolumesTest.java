package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.adaptor.volumes.DirectVolumes;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.config.volume.CloudVolumes;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Spec;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A pod's direct volumes and GPUs through the adaptor as a process, and through the next one after it was killed. */
@NeedsRoot
@NeedsProgram({"nft", "nsenter", "unshare", "mount"})
class VolumesTest {

    private static final String ID = "f".repeat(64);
    private static final String UID = "11111111-2222-3333-4444-555555555555";

    private TestWorker worker;
    private Path files;
    private final List<Path> made = new ArrayList<>();

    @BeforeEach
    void open() throws Exception {
        worker = TestWorker.open();
        files = Files.createDirectory(worker.directory().resolve("direct-volumes"));
        // The adaptor sees the test's files in the place of Kata's: a place to mount them on is all that the machine
        // must have.
        for (Path missing = DirectVolumes.DIRECTORY; missing != null && !Files.exists(missing); ) {
            made.add(missing);
            missing = missing.getParent();
        }
        Files.createDirectories(DirectVolumes.DIRECTORY);
    }

    @AfterEach
    void close() throws Exception {
        worker.close();
        for (Path directory : made) {
            Files.deleteIfExists(directory);
        }
    }

    private AdaptorProcess adaptor() throws Exception {
        List<String> inOwnMounts = List.of(
                "nsenter",
                "--net=" + worker.netns().path(),
                "unshare",
                "-m",
                "--propagation=slave",
                "sh",
                "-c",
                "mount --bind " + files + " " + DirectVolumes.DIRECTORY + " && exec \"$@\"",
                "sh");
        return worker.begin(inOwnMounts, Map.of()).awaitReady();
    }

    @Test
    void whatAVmWasLaunchedWithIsToldByTheNextAdaptorToo() throws Exception {
        put("pvc-b", "{\"device\":\"vol-0b\"}");
        put("pvc-c", "{\"device\":\"vol-0c\",\"fstype\":\"xfs\"}");
        String netns = worker.pod().path().toString();
        AdaptorProcess first = adaptor();
        String socket = first.call(channel -> HypervisorGrpc.newBlockingStub(channel)
                        .createVM(AdaptorProcess.createRequest(ID, "web", netns).toBuilder()
                                .putAnnotations("io.kubernetes.cri.sandbox-uid", UID)
                                .putAnnotations("io.katacontainers.config.hypervisor.default_gpus", "1")
                                .build()))
                .getAgentSocketPath();
        first.startVm(ID);
        create(socket, "pvc-c");
        first.kill();
        // What the files say by now numbers nothing any more.
        put("pvc-a", "{\"device\":\"vol-0a\"}");
        AdaptorProcess second = adaptor();
        create(socket, "pvc-c");
        second.stopVm(ID);

        assertThat(worker.cloud().containers()).hasSize(2).allSatisfy(request -> {
            Map<String, String> annotations = request.getOCI().getAnnotationsMap();
            assertThat(annotations).containsEntry("cdi.k8s.io/peer-pods", "nvidia.com/gpu=all");
            assertThat(CloudVolumes.parse(annotations.getOrDefault(CloudVolumes.ANNOTATION, "{}")))
                    .extracting(CloudVolume::name, CloudVolume::diskId, CloudVolume::mountPoint, CloudVolume::fsType)
                    .containsExactly(Tuple.tuple("vol-1", "vol-0c", "/data", "xfs"));
        });
    }

    private static String target(String volume) {
        return "/var/lib/kubelet/pods/" + UID + "/volumes/kubernetes.io~csi/" + volume + "/mount";
    }

    private void put(String volume, String json) throws IOException {
        String name = Base64.getUrlEncoder().encodeToString(target(volume).getBytes(StandardCharsets.UTF_8));
        Files.writeString(Files.createDirectories(files.resolve(name)).resolve("mountInfo.json"), json);
    }

    private static void create(String socket, String volume) throws Exception {
        try (TtrpcChannel agent = TtrpcChannel.connect(UnixDomainSocketAddress.of(socket))) {
            var _ = AgentServiceGrpc.newBlockingStub(agent)
                    .withDeadlineAfter(Duration.ofSeconds(60))
                    .createContainer(CreateContainerRequest.newBuilder()
                            .setContainerId("c")
                            .setOCI(Spec.newBuilder()
                                    .addMounts(Mount.newBuilder()
                                            .setSource(target(volume))
                                            .setDestination("/data")
                                            .setType("bind")))
                            .build());
        }
    }
}
