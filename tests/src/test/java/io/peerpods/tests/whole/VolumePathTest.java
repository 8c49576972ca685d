package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Empty;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.peerpods.adaptor.sandbox.ContainerEdits;
import io.peerpods.adaptor.volumes.DirectVolumes;
import io.peerpods.agent.edits.PodVmEdits;
import io.peerpods.agent.volumes.VolumeMounts;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.SandboxId;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Spec;
import io.peerpods.relay.AgentRelay;
import io.peerpods.relay.Forwarder;
import io.peerpods.relay.ForwarderOptions;
import io.peerpods.relay.RelayOptions;
import io.peerpods.relay.Transport;
import io.peerpods.testing.LoopDisk;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import io.peerpods.ttrpc.TtrpcChannel;
import io.peerpods.ttrpc.TtrpcServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cloud volume on its whole way: from Kata's file on the worker to the mount that kata-agent is told to make in the VM. */
@NeedsRoot
@NeedsProgram({"losetup", "mkfs.ext4", "mount"})
class VolumePathTest {

    private static final String UID = "11111111-2222-3333-4444-555555555555";
    private static final String TARGET = "/var/lib/kubelet/pods/" + UID + "/volumes/kubernetes.io~csi/pvc-a/mount";

    @TempDir
    Path directory;

    private final List<CreateContainerRequest> arrived = new CopyOnWriteArrayList<>();

    @Test
    void kataAgentIsToldToMountTheDiskThatTheCloudAttached() throws Exception {
        Path files = Files.createDirectory(directory.resolve("direct-volumes"));
        String name = Base64.getUrlEncoder().encodeToString(TARGET.getBytes(StandardCharsets.UTF_8));
        Files.writeString(
                Files.createDirectory(files.resolve(name)).resolve("mountInfo.json"),
                "{\"device\":\"vol-0aaaaaaaa\",\"fstype\":\"ext4\",\"metadata\":{\"fsGroup\":\"4321\"}}");
        DirectVolumes onWorker = new DirectVolumes(files);
        Path place = directory.toRealPath().resolve("cloud-volumes");
        VolumeMounts mounts = new VolumeMounts(
                place,
                directory.resolve("sys/block"),
                directory.resolve("dev"),
                directory.resolve("cdh.sock"),
                Duration.ofSeconds(30));
        try (LoopDisk disk = LoopDisk.blank(directory.resolve("disk"), 16 << 20);
                TtrpcServer agent = TtrpcServer.builder()
                        .addService(new Agent())
                        .listen(UnixDomainSocketAddress.of(directory.resolve("kata.sock")));
                Forwarder forwarder = Forwarder.listen(ForwarderOptions.of(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                                directory.resolve("kata.sock"),
                                Transport.plain())
                        .with(new PodVmEdits(
                                "/run/netns/podns", servers -> {}, mounts, nonce -> OptionalInt.empty())));
                AgentRelay relay = AgentRelay.listen(
                        RelayOptions.of("pod VM podvm-web", directory.resolve("agent.ttrpc"), Transport.plain())
                                .with(new ContainerEdits(launched(onWorker), onWorker)));
                TtrpcChannel shim =
                        TtrpcChannel.connect(UnixDomainSocketAddress.of(directory.resolve("agent.ttrpc")))) {
            relay.agentAt(forwarder.address());
            disk.appear(directory, "nvme1n1", "vol0aaaaaaaa");
            AgentServiceGrpc.AgentServiceBlockingStub calls =
                    AgentServiceGrpc.newBlockingStub(shim).withDeadlineAfter(Duration.ofMinutes(2));
            try {
                var _ = calls.createContainer(container(TARGET));
                String at = place.resolve("vol-0").toString();
                assertThat(arrived.getFirst().getOCI().getMounts(0))
                        .isEqualTo(Mount.newBuilder()
                                .setSource(at)
                                .setDestination("/data")
                                .setType("bind")
                                .addOptions("rbind")
                                .build());
                assertThat(Programs.require("stat", "-f", "-c", "%T", at)).contains("ext");
                assertThat(Programs.require("stat", "-c", "%g", at).strip()).isEqualTo("4321");

                // A volume of the pod that its VM does not have goes nowhere.
                String late = TARGET.replace("pvc-a", "pvc-late");
                Files.createDirectory(
                        files.resolve(Base64.getUrlEncoder().encodeToString(late.getBytes(StandardCharsets.UTF_8))));
                assertThatThrownBy(() -> calls.createContainer(container(late)))
                        .isInstanceOf(StatusRuntimeException.class)
                        .hasMessageContaining("FAILED_PRECONDITION")
                        .hasMessageContaining("pvc-late");
                assertThat(arrived).hasSize(1);

                var _ = calls.destroySandbox(Empty.getDefaultInstance());
                assertThat(Programs.require("cat", "/proc/self/mountinfo")).doesNotContain(at);
            } finally {
                mounts.unmountAll();
            }
            assertThat(agent.connections()).isPositive();
        }
    }

    private static LaunchSpec launched(DirectVolumes onWorker) {
        return new LaunchSpec(
                SandboxId.parse("s"), "web", "default", "podvm-web", "", false, "", 0, 0, 0, "", "", onWorker.of(UID));
    }

    private static CreateContainerRequest container(String source) {
        return CreateContainerRequest.newBuilder()
                .setContainerId("c")
                .setOCI(Spec.newBuilder()
                        .addMounts(Mount.newBuilder()
                                .setSource(source)
                                .setDestination("/data")
                                .setType("bind")
                                .addOptions("rbind")))
                .build();
    }

    private final class Agent extends AgentServiceGrpc.AgentServiceImplBase {
        @Override
        public void createContainer(CreateContainerRequest request, StreamObserver<Empty> caller) {
            arrived.add(request);
            caller.onNext(Empty.getDefaultInstance());
            caller.onCompleted();
        }

        @Override
        public void destroySandbox(Empty request, StreamObserver<Empty> caller) {
            caller.onNext(Empty.getDefaultInstance());
            caller.onCompleted();
        }
    }
}
