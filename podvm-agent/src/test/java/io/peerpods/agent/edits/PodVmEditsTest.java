package io.peerpods.agent.edits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.StatusException;
import io.peerpods.agent.volumes.VolumeMounts;
import io.peerpods.linux.IpAddresses;
import io.peerpods.proto.agent.CopyFileRequest;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.agent.Linux;
import io.peerpods.proto.agent.LinuxNamespace;
import io.peerpods.proto.agent.Spec;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PodVmEditsTest {

    private static final String AGENT = "grpc.AgentService";
    private static final String PODNS = "/run/netns/podns";

    private final List<InetAddress> learned = new ArrayList<>();
    private final PodVmEdits edits = new PodVmEdits(
            PODNS, learned::addAll, VolumeMounts.ofVm(Path.of("/nowhere/at/all")), nonce -> OptionalInt.empty());

    @Test
    void onlyFourMethodsAreOpened() {
        assertThat(edits.concern(AGENT, "CreateContainer")).isTrue();
        assertThat(edits.concern(AGENT, "CreateSandbox")).isTrue();
        assertThat(edits.concern(AGENT, "CopyFile")).isTrue();
        assertThat(edits.concern(AGENT, "DestroySandbox")).isTrue();
        assertThat(edits.concern(AGENT, "ReadStdout")).isFalse();
        assertThat(edits.concern("other.Service", "CreateContainer")).isFalse();
    }

    @Test
    void aContainerJoinsThePodsNamespaceInPlaceOfItsOwn() throws Exception {
        CreateContainerRequest edited = createContainer(container(
                namespace("pid", ""),
                namespace("network", "/proc/1/ns/net"),
                namespace("ipc", ""),
                namespace("network", "")));
        assertThat(edited.getOCI().getLinux().getNamespacesList())
                .containsExactly(namespace("pid", ""), namespace("network", PODNS), namespace("ipc", ""));
    }

    @Test
    void aContainerWithoutNetworkNamespaceGetsOne() throws Exception {
        assertThat(createContainer(container(namespace("pid", "")))
                        .getOCI()
                        .getLinux()
                        .getNamespacesList())
                .containsExactly(namespace("pid", ""), namespace("network", PODNS));
        assertThat(createContainer(CreateContainerRequest.newBuilder()
                                .setOCI(Spec.getDefaultInstance())
                                .build())
                        .getOCI()
                        .getLinux()
                        .getNamespacesList())
                .containsExactly(namespace("network", PODNS));
    }

    @Test
    void everythingElseOfAContainerSurvivesUnknownFieldsIncluded() throws Exception {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            CreateContainerRequest original = randomContainer(random);
            CreateContainerRequest edited = createContainer(original);
            assertThat(withoutNetwork(edited)).as("seed %d", seed).isEqualTo(withoutNetwork(original));
        }
    }

    @Test
    void aRequestWithoutSpecificationIsLeftToTheAgent() throws Exception {
        ByteString payload =
                CreateContainerRequest.newBuilder().setContainerId("x").build().toByteString();
        assertThat(edits.edit(AGENT, "CreateContainer", payload)).isSameAs(payload);
    }

    @Test
    void whatIsNoMessageIsRefusedAndNotForwarded() {
        assertThatThrownBy(() -> edits.edit(AGENT, "CreateContainer", ByteString.copyFrom(new byte[] {10, 100})))
                .isInstanceOf(StatusException.class)
                .hasMessageContaining("CreateContainer");
    }

    @Test
    void aSandboxGetsNoNameServersAndTheyAreLearned() throws Exception {
        CreateSandboxRequest original = CreateSandboxRequest.newBuilder()
                .setHostname("nginx")
                .addDns("search default.svc.cluster.local")
                .addDns("nameserver 10.96.0.10")
                .addDns("8.8.8.8")
                .setSandboxId("0123")
                .setUnknownFields(unknown(new Random(1), 40))
                .build();
        CreateSandboxRequest edited =
                CreateSandboxRequest.parseFrom(edits.edit(AGENT, "CreateSandbox", original.toByteString()));
        assertThat(edited).isEqualTo(original.toBuilder().clearDns().build());
        assertThat(learned).containsExactly(IpAddresses.parse("10.96.0.10"), IpAddresses.parse("8.8.8.8"));
    }

    @Test
    void aSandboxWithoutNameServersPassesUntouched() throws Exception {
        ByteString payload =
                CreateSandboxRequest.newBuilder().setHostname("x").build().toByteString();
        assertThat(edits.edit(AGENT, "CreateSandbox", payload)).isSameAs(payload);
        assertThat(learned).isEmpty();
    }

    @Test
    void nameServersAreLearnedFromACopiedResolvConfWhichPassesUntouched() throws Exception {
        ByteString payload = copy("/run/kata-containers/shared/containers/1-2-resolv.conf", 0);
        assertThat(edits.edit(AGENT, "CopyFile", payload)).isSameAs(payload);
        assertThat(learned).containsExactly(IpAddresses.parse("10.96.0.10"));
    }

    @Test
    void otherFilesTeachNothing() throws Exception {
        ByteString hosts = copy("/run/kata-containers/shared/containers/1-2-hosts", 0);
        assertThat(edits.edit(AGENT, "CopyFile", hosts)).isSameAs(hosts);
        ByteString later = copy("/run/kata-containers/shared/containers/1-2-resolv.conf", 4096);
        assertThat(edits.edit(AGENT, "CopyFile", later)).isSameAs(later);
        assertThat(learned).isEmpty();
    }

    private static ByteString copy(String path, long offset) {
        return CopyFileRequest.newBuilder()
                .setPath(path)
                .setOffset(offset)
                .setData(ByteString.copyFrom(
                        "# comment\nnameserver 10.96.0.10\noptions ndots:5\n", StandardCharsets.UTF_8))
                .build()
                .toByteString();
    }

    private CreateContainerRequest createContainer(CreateContainerRequest request) throws Exception {
        return CreateContainerRequest.parseFrom(edits.edit(AGENT, "CreateContainer", request.toByteString()));
    }

    private static CreateContainerRequest container(LinuxNamespace... namespaces) {
        return CreateContainerRequest.newBuilder()
                .setContainerId("c")
                .setOCI(Spec.newBuilder().setLinux(Linux.newBuilder().addAllNamespaces(List.of(namespaces))))
                .build();
    }

    private static LinuxNamespace namespace(String type, String path) {
        return LinuxNamespace.newBuilder().setType(type).setPath(path).build();
    }

    private static CreateContainerRequest withoutNetwork(CreateContainerRequest request) {
        CreateContainerRequest.Builder copy = request.toBuilder();
        Linux.Builder linux = copy.getOCIBuilder().getLinuxBuilder();
        List<LinuxNamespace> others = linux.getNamespacesList().stream()
                .filter(namespace -> !namespace.getType().equals("network"))
                .toList();
        linux.clearNamespaces().addAllNamespaces(others);
        return copy.build();
    }

    private static CreateContainerRequest randomContainer(Random random) {
        Linux.Builder linux = Linux.newBuilder().setUnknownFields(unknown(random, 20));
        for (int i = random.nextInt(5); i > 0; i--) {
            linux.addNamespaces(
                    namespace(List.of("pid", "ipc", "mount", "uts", "network").get(random.nextInt(5)), "/x"));
        }
        Spec.Builder spec =
                Spec.newBuilder().setUnknownFields(unknown(random, 20)).setLinux(linux);
        for (int i = random.nextInt(6); i > 0; i--) {
            spec.putAnnotations("key" + random.nextInt(9), "value" + random.nextInt());
        }
        return CreateContainerRequest.newBuilder()
                .setContainerId("c" + random.nextInt())
                .setOCI(spec)
                .setUnknownFields(unknown(random, 60))
                .build();
    }

    /** Fields beyond those of the messages, from number {@code from} on. */
    private static UnknownFieldSet unknown(Random random, int from) {
        UnknownFieldSet.Builder fields = UnknownFieldSet.newBuilder();
        for (int i = random.nextInt(6); i > 0; i--) {
            byte[] bytes = new byte[random.nextInt(40)];
            random.nextBytes(bytes);
            fields.mergeField(
                    from + random.nextInt(50),
                    UnknownFieldSet.Field.newBuilder()
                            .addVarint(random.nextLong())
                            .addLengthDelimited(ByteString.copyFrom(bytes))
                            .addFixed32(random.nextInt())
                            .build());
        }
        return fields.build();
    }
}
