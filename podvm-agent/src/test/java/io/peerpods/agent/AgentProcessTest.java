package io.peerpods.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.CertificateAuthority;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.config.userdata.UserData;
import io.peerpods.config.volume.CloudVolume;
import io.peerpods.config.volume.CloudVolumes;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.linux.Netns;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.agent.Linux;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Spec;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.LoopDisk;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** podvm-agent as a process of its own, on a machine made of namespaces. */
@NeedsRoot
@NeedsProgram("nft")
class AgentProcessTest {

    private static final String AGENT = "grpc.AgentService";
    private static final String VM = "podvm-nginx-0a1b2c3d";
    private static final int PORT = 15150;

    @TempDir
    Path directory;

    private final List<Request> arrived = new CopyOnWriteArrayList<>();
    private ServerSocketChannel kataAgent;
    private SSLContext tls;
    private Credentials server;
    private Credentials client;

    @BeforeEach
    void prepare() throws Exception {
        CertificateAuthority authority = CertificateAuthority.create();
        server = authority.issue(VM);
        client = CertificateAuthority.client();
        tls = TlsEndpoint.clientWithoutVerification(client, TlsSettings.DEFAULT).context();
        kataAgent = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        kataAgent.bind(UnixDomainSocketAddress.of(directory.resolve("kata.sock")));
        Thread.startVirtualThread(this::serve);
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        kataAgent.close();
        try (Stream<Path> namespaces = Files.list(Netns.NAMED)) {
            assertThat(namespaces.map(Path::getFileName).map(Path::toString))
                    .noneMatch(name -> name.matches(
                            "ppt-agent.*-" + ProcessHandle.current().pid() + "-\\d+"));
        }
        assertThat(ProcessHandle.current().descendants()).noneMatch(ProcessHandle::isAlive);
    }

    @Test
    void itSetsTheNetworkUpServesAndStopsWithoutATrace() throws Exception {
        try (Machine machine = new Machine(directory, true)) {
            KernelInventory bare = KernelInventory.take(machine.vm);
            Process agent = machine.agent(Map.of(), flags(userData(true)));
            try (WorkerClient worker = new WorkerClient(machine.worker.path(), PORT, tls, agent)) {
                assertThat(worker.call("grpc.Health", "Check", ByteString.EMPTY)
                                .getStatus()
                                .getCode())
                        .as(machine.logged())
                        .isZero();
                assertThat(machine.inPod("ip", "-o", "-4", "addr"))
                        .contains("eth0    inet 10.244.1.2/24")
                        .contains("10.20.0.10/24");
                assertThat(machine.inPod("ip", "route", "get", "8.8.8.8")).contains("via 10.20.0.1");
                callsAreEdited(machine, worker);
            }
            assertThat(PosixFilePermissions.toString(
                            Files.getPosixFilePermissions(machine.file(PodVmPaths.AGENT_CONFIG))))
                    .isEqualTo("rw-------");
            verifyTellsTheDifference(machine);
            agent.destroy();
            assertThat(Machine.exit(agent)).as(machine.logged()).isZero();
            assertThat(machine.file("/run/netns/podns")).doesNotExist();
            KernelInventory after = KernelInventory.take(machine.vm);
            assertThat(after.since(bare)).isEmpty();
            assertThat(bare.since(after)).isEmpty();
            assertThat(machine.logged()).doesNotContain("PRIVATE KEY");
        }
    }

    private void callsAreEdited(Machine machine, WorkerClient worker) throws Exception {
        worker.call(
                AGENT,
                "CreateSandbox",
                CreateSandboxRequest.newBuilder()
                        .addDns("nameserver 10.96.0.10")
                        .build()
                        .toByteString());
        worker.call(
                AGENT,
                "CreateContainer",
                CreateContainerRequest.newBuilder()
                        .setOCI(Spec.newBuilder().setLinux(Linux.getDefaultInstance()))
                        .build()
                        .toByteString());
        assertThat(CreateSandboxRequest.parseFrom(payload("CreateSandbox")).getDnsList())
                .isEmpty();
        assertThat(CreateContainerRequest.parseFrom(payload("CreateContainer"))
                        .getOCI()
                        .getLinux()
                        .getNamespaces(0)
                        .getPath())
                .isEqualTo("/run/netns/podns");
        assertThat(machine.inPod("ip", "route", "get", "10.96.0.10")).contains("dev eth0");
    }

    private ByteString payload(String method) {
        return arrived.stream()
                .filter(request -> request.getMethod().equals(method))
                .findFirst()
                .orElseThrow()
                .getPayload();
    }

    private void verifyTellsTheDifference(Machine machine) throws Exception {
        String[] verify = flags(userData(true), "-verify");
        assertThat(Machine.exit(machine.agent(Map.of(), verify)))
                .as(machine.logged())
                .isZero();
        machine.inPod("ip", "neigh", "del", "10.244.1.1", "dev", "eth0");
        assertThat(Machine.exit(machine.agent(Map.of(), verify))).isEqualTo(1);
        assertThat(machine.logged()).containsPattern("DIFFERS .*10\\.244\\.1\\.1");
    }

    @Test
    void aNicThatNeverComesIsToldToEveryCaller() throws Exception {
        try (Machine machine = new Machine(directory, false)) {
            Process agent = machine.agent(Map.of(), flags(userData(true), "-network-timeout=2s"));
            try (WorkerClient worker = new WorkerClient(machine.worker.path(), PORT, tls, agent)) {
                for (String method : List.of("Check", "CreateSandbox")) {
                    Response refused =
                            worker.call(method.equals("Check") ? "grpc.Health" : AGENT, method, ByteString.EMPTY);
                    assertThat(refused.getStatus().getCode()).isEqualTo(9);
                    assertThat(refused.getStatus().getMessage())
                            .contains("network cannot be set up")
                            .contains("second NIC");
                }
            }
            assertThat(arrived).isEmpty();
        }
    }

    @Test
    void aPortThatIsTakenEndsTheStartAndLeavesNothing() throws Exception {
        try (Machine machine = new Machine(directory, true);
                ServerSocketChannel taken = listenIn(machine)) {
            KernelInventory bare = KernelInventory.take(machine.vm);
            Path console = Files.createFile(directory.resolve("console"));
            Process agent = machine.agent(Map.of(), flags(userData(true), "-console=" + console));
            assertThat(Machine.exit(agent)).isEqualTo(1);
            assertThat(machine.logged())
                    .contains("cannot listen on 0.0.0.0:15150")
                    .contains("in use");
            assertThat(Files.readString(console)).contains("cannot listen on 0.0.0.0:15150");
            assertThat(KernelInventory.take(machine.vm).since(bare)).isEmpty();
            assertThat(taken.isOpen()).isTrue();
        }
    }

    @Test
    void killedAnywhereItFinishesWhenStartedAgain() throws Exception {
        try (Machine machine = new Machine(directory, true)) {
            for (String step : List.of("1", "3", "9", "20")) {
                Process killed = machine.agent(Map.of(CrashPoint.KEY, step), flags(userData(true)));
                assertThat(Machine.exit(killed)).as(machine.logged()).isEqualTo(CrashPoint.EXIT);
            }
            Process agent = machine.agent(Map.of(), flags(userData(true)));
            try (WorkerClient worker = new WorkerClient(machine.worker.path(), PORT, tls, agent)) {
                assertThat(worker.call("grpc.Health", "Check", ByteString.EMPTY)
                                .getStatus()
                                .getCode())
                        .as(machine.logged())
                        .isZero();
            }
            agent.destroyForcibly();
            assertThat(Machine.exit(agent)).isEqualTo(CrashPoint.EXIT);
            Process again = machine.agent(Map.of(), flags(userData(true)));
            try (WorkerClient worker = new WorkerClient(machine.worker.path(), PORT, tls, again)) {
                assertThat(worker.call("grpc.Health", "Check", ByteString.EMPTY)
                                .getStatus()
                                .getCode())
                        .as(machine.logged())
                        .isZero();
                assertThat(machine.inPod("ip", "route", "get", "8.8.8.8")).contains("via 10.20.0.1");
            }
            again.destroy();
            assertThat(Machine.exit(again)).isZero();
            assertThat(machine.vm.exec("ip", "-o", "link")).contains("ens6").doesNotContain("vxlan");
        }
    }

    @Test
    @NeedsProgram({"losetup", "mkfs.ext4", "mount"})
    void aVolumeOutlivesAKilledAgentAndIsUnmountedByTheNextOne() throws Exception {
        try (LoopDisk disk = LoopDisk.blank(directory.resolve("disk"), 16 << 20);
                Machine machine = new Machine(directory, true)) {
            disk.appear(directory, disk.device().getFileName().toString(), "vol0aaaaaaaa");
            machine.exec("mount", "--bind", directory.resolve("sys/block").toString(), "/sys/block");
            Process first = machine.agent(Map.of(), flags(userData(true)));
            createContainer(machine, first);
            machine.exec("touch", "/run/cloud-volumes/vol-0/kept");
            first.destroyForcibly();
            Machine.exit(first);
            assertThat(machine.exec("cat", "/proc/self/mountinfo")).contains(" /run/cloud-volumes/vol-0 ");

            Process second = machine.agent(Map.of(), flags(userData(true)));
            createContainer(machine, second);
            assertThat(machine.exec("ls", "/run/cloud-volumes/vol-0")).contains("kept");
            assertThat(machine.exec("cat", "/proc/self/mountinfo")).containsOnlyOnce(" " + disk.number() + " ");
            second.destroy();
            assertThat(Machine.exit(second)).as(machine.logged()).isZero();
            assertThat(machine.exec("cat", "/proc/self/mountinfo")).doesNotContain("/run/cloud-volumes");
        }
    }

    private void createContainer(Machine machine, Process agent) throws Exception {
        arrived.clear();
        CloudVolume volume = new CloudVolume(0, "vol-0aaaaaaaa", "/data", "ext4", false, List.of(), "", "", "");
        Spec.Builder container = Spec.newBuilder()
                .putAnnotations(CloudVolumes.ANNOTATION, CloudVolumes.toJson(List.of(volume)))
                .addMounts(Mount.newBuilder()
                        .setDestination("/data")
                        .setSource("/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc/mount"));
        try (WorkerClient worker = new WorkerClient(machine.worker.path(), PORT, tls, agent)) {
            Response answer = worker.call(
                    AGENT,
                    "CreateContainer",
                    CreateContainerRequest.newBuilder()
                            .setOCI(container)
                            .build()
                            .toByteString());
            assertThat(answer.getStatus().getMessage()).as(machine.logged()).isEmpty();
        }
        assertThat(CreateContainerRequest.parseFrom(payload("CreateContainer"))
                        .getOCI()
                        .getMounts(0)
                        .getSource())
                .isEqualTo("/run/cloud-volumes/vol-0");
    }

    @Test
    void userDataThatCannotBeUsedEndsTheStartWithoutShowingIt() throws Exception {
        try (Machine machine = new Machine(directory, false)) {
            Path document = Files.writeString(directory.resolve("bad"), "#cloud-config\nruncmd: [secret-thing]\n");
            assertThat(Machine.exit(machine.agent(Map.of(), flags(document)))).isEqualTo(1);
            assertThat(machine.logged()).contains("runcmd").doesNotContain("secret-thing");
        }
    }

    private String[] flags(Path userData, String... more) {
        List<String> flags = new java.util.ArrayList<>(
                List.of("-user-data=" + userData, "-kata-agent-socket=" + directory.resolve("kata.sock")));
        flags.addAll(List.of(more));
        return flags.toArray(String[]::new);
    }

    private Path userData(boolean external) throws IOException {
        JsonObject network = JsonParser.parseString("""
                {"podip": "10.244.1.2/24", "pod-hw-addr": "02:00:00:00:20:01", "interface": "eth0",
                 "worker-node-ip": "10.10.0.1/16", "tunnel-type": "vxlan",
                 "routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.1", "dev": "eth0", "protocol": "static"},
                            {"dst": "10.244.1.0/24", "gw": "", "dev": "eth0", "protocol": "kernel", "scope": "link"}],
                 "neighbors": [{"ip": "10.244.1.1", "hw-addr": "02:00:00:00:20:02", "dev": "eth0",
                                "state": "permanent"}],
                 "mtu": 1500, "index": 0, "vxlan-port": 4789, "vxlan-id": 555000, "dedicated": false,
                 "external-net-via-pod-vm": %s}
                """.formatted(external)).getAsJsonObject();
        AgentConfig config = AgentConfig.of("default", "nginx", network)
                .withTls(
                        server.keyPem(),
                        server.certificatePem(),
                        Credentials.pem(List.of(client.certificate())),
                        TlsSettings.DEFAULT);
        String document = UserData.builder()
                .file(PodVmPaths.AGENT_CONFIG, config.toJson())
                .build()
                .render();
        return Files.writeString(directory.resolve("user-data"), document);
    }

    private static ServerSocketChannel listenIn(Machine machine) throws Exception {
        try (Netns vm = Netns.open(machine.vm.path())) {
            return vm.call(() -> ServerSocketChannel.open().bind(new InetSocketAddress("0.0.0.0", PORT)));
        }
    }

    private void serve() {
        try {
            while (true) {
                SocketChannel connection = kataAgent.accept();
                Thread.startVirtualThread(() -> answerAll(connection));
            }
        } catch (IOException closed) {
            // The test is over.
        }
    }

    private void answerAll(SocketChannel connection) {
        try (connection) {
            DataInputStream in = new DataInputStream(Channels.newInputStream(connection));
            DataOutputStream out = new DataOutputStream(Channels.newOutputStream(connection));
            while (true) {
                byte[] body = new byte[in.readInt()];
                int stream = in.readInt();
                in.skipNBytes(2);
                in.readFully(body);
                arrived.add(Request.parseFrom(body));
                out.writeInt(0);
                out.writeInt(stream);
                out.writeShort(2 << 8);
            }
        } catch (IOException hungUp) {
            // As every connection ends.
        }
    }
}
