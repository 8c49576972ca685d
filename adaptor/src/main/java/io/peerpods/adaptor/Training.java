package io.peerpods.adaptor;

import com.google.gson.JsonParser;
import io.grpc.ManagedChannel;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.peerpods.adaptor.service.HttpEndpoint;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.adaptor.store.SandboxState;
import io.peerpods.adaptor.store.Store;
import io.peerpods.cloud.CloudProvider;
import io.peerpods.cloud.CloudProviderType;
import io.peerpods.cloud.LaunchSpec;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.cloud.Worker;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.config.tls.TlsFiles;
import io.peerpods.config.tls.WorkerTls;
import io.peerpods.config.userdata.UserData;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.daemon.Logs;
import io.peerpods.daemon.Settings;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerPlan;
import io.peerpods.proto.hypervisor.CreateVMRequest;
import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.proto.hypervisor.StartVMRequest;
import io.peerpods.proto.hypervisor.StopVMRequest;
import io.peerpods.proto.hypervisor.VersionRequest;
import io.peerpods.relay.AgentRelay;
import io.peerpods.relay.RelayOptions;
import io.peerpods.relay.Transport;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The run that feeds the AOT cache: goes through a start and the usual calls, in a temporary directory, with no port of its own and
 * nothing of the machine touched. A part that cannot be done here (without root, without nft) is left out; the run never fails for it.
 */
final class Training {

    private static final Logger log = LoggerFactory.getLogger(Training.class);
    private static final String ID = "0123456789abcdef";
    private static final String NETWORK = """
            {"podip":"10.244.1.5/24","pod-hw-addr":"02:00:00:00:00:05","interface":"eth0","worker-node-ip":"192.0.2.10/24",
             "tunnel-type":"vxlan","routes":[{"dst":"0.0.0.0/0","gw":"10.244.1.1","dev":"eth0"}],"neighbors":null,"mtu":1450,"index":0,
             "vxlan-port":4789,"vxlan-id":555000,"dedicated":false,"external-net-via-pod-vm":false}""";

    private interface Part {
        void run() throws Exception;
    }

    private final Path directory;
    private final List<CloudProviderType> types;

    private Training(Path directory, List<CloudProviderType> types) {
        this.directory = directory;
        this.types = types;
    }

    static int run(List<CloudProviderType> types) {
        try {
            Path directory = Files.createTempDirectory("peerpods-train");
            try {
                new Training(directory, types).all();
            } finally {
                removeTree(directory);
            }
            return 0;
        } catch (IOException e) {
            log.error("no temporary directory", e);
            return 1;
        }
    }

    private void all() {
        part("settings", () -> {
            for (CloudProviderType type : types) {
                AdaptorConfig.of(SettingsTable.of(type).parse(List.of(), Map.of("VXLAN_PORT", "4789")));
            }
        });
        part("service", this::service);
        part("store", this::store);
        part("relay", this::relay);
        part("tunnel", this::tunnel);
        part("cloud", this::cloud);
    }

    private static void part(String name, Part part) {
        try {
            part.run();
        } catch (Exception e) {
            log.info("{} left out: {}", name, e.toString());
        }
    }

    private void service() throws Exception {
        TrainingCloud cloud = new TrainingCloud();
        // A port that no overlay has: this run starts whatever else is on the machine.
        Settings settings = SettingsTable.of(cloud)
                .parse(List.of(
                        "-socket=" + directory.resolve("h.sock"),
                        "-pods-dir=" + directory.resolve("pods"),
                        "-state-dir=" + directory.resolve("state"),
                        "-grpc-listen=unix:" + directory.resolve("g.sock"),
                        "-probe-port=0",
                        "-metrics-listen=127.0.0.1:0",
                        "-cluster-id=training",
                        "-node-name=training-" + ProcessHandle.current().pid(),
                        "-vxlan-port=65531"));
        Logs.start(settings);
        AdaptorConfig config = AdaptorConfig.of(settings);
        try (Adaptor adaptor = Adaptor.start(
                config, cloud, settings, CrashPoint.never(), AdaptorProgram.version(), new CountDownLatch(1))) {
            part("ttrpc", this::callByTtrpc);
            part("grpc", this::callByGrpc);
            log.info("{} served", adaptor);
        }
    }

    private void callByTtrpc() throws IOException {
        try (TtrpcChannel channel = TtrpcChannel.connect(UnixDomainSocketAddress.of(directory.resolve("h.sock")))) {
            call(HypervisorGrpc.newBlockingStub(channel));
        }
    }

    private void callByGrpc() {
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        ManagedChannel channel = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(directory.resolve("g.sock")))
                .channelType(NioDomainSocketChannel.class)
                .eventLoopGroup(loops)
                .usePlaintext()
                .build();
        try {
            call(HypervisorGrpc.newBlockingStub(channel));
        } finally {
            channel.shutdownNow();
            var _ = loops.shutdownGracefully();
        }
    }

    private static void call(HypervisorGrpc.HypervisorBlockingStub stub) {
        HypervisorGrpc.HypervisorBlockingStub limited = stub.withDeadlineAfter(Duration.ofSeconds(20));
        var _ = limited.version(VersionRequest.getDefaultInstance());
        for (String netns : List.of("", "/proc/self/ns/net", "/run/netns/peerpods-nobody")) {
            try {
                var _ = limited.createVM(CreateVMRequest.newBuilder()
                        .setId(ID)
                        .putAnnotations("io.kubernetes.cri.sandbox-name", "train")
                        .putAnnotations("io.kubernetes.cri.sandbox-namespace", "train")
                        .setNetworkNamespacePath(netns)
                        .build());
            } catch (StatusRuntimeException expected) {
                log.debug("{}", expected.getMessage());
            }
        }
        try {
            var _ = limited.startVM(StartVMRequest.newBuilder().setId(ID).build());
        } catch (StatusRuntimeException expected) {
            log.debug("{}", expected.getMessage());
        }
        var _ = limited.stopVM(StopVMRequest.newBuilder().setId(ID).build());
    }

    private static LaunchSpec spec(WorkerTls tls) throws Exception {
        AgentConfig config = tls.secure(
                AgentConfig.of("train", "train", JsonParser.parseString(NETWORK).getAsJsonObject()), "podvm-train");
        String userData = UserData.builder()
                .file(PodVmPaths.AGENT_CONFIG, config.toJson())
                .build()
                .render();
        return new LaunchSpec(
                SandboxId.parse(ID), "train", "train", "podvm-train", userData, false, "", 0, 0, 0, "", "", List.of());
    }

    private static PodNetworkSpec network() throws Exception {
        return PodNetworkSpec.fromJson(JsonParser.parseString(NETWORK).getAsJsonObject());
    }

    private WorkerTls tls() throws Exception {
        return WorkerTls.open(directory.resolve("keys"), TlsFiles.NONE, false, TlsSettings.DEFAULT);
    }

    private void store() throws Exception {
        Path state = Files.createDirectories(directory.resolve("store"));
        try (Store store = Store.open(state, step -> {})) {
            SandboxRow row = new SandboxRow(
                    SandboxState.CREATED,
                    "/run/netns/none",
                    "0:0",
                    network(),
                    spec(tls()),
                    Optional.empty(),
                    Optional.empty(),
                    Instant.now(),
                    Instant.now());
            store.add(row);
            row = store.enter(row, SandboxState.LAUNCHING);
            row = store.launchLog(row, "{}");
            row = store.launched(row, new PodVm("vm", List.of(InetAddress.getLoopbackAddress())));
            log.info("{} stored, {} rows", row, store.rows().readable().size());
            store.remove(row.id());
        }
    }

    /** The worker's side of TLS, against a closed port and against this process itself. */
    private void relay() throws Exception {
        TlsEndpoint endpoint = tls().endpoint("podvm-train").orElseThrow();
        Transport transport = Transport.client(endpoint.context(), endpoint.parameters(), endpoint.serverName());
        RelayOptions options = RelayOptions.of("pod VM podvm-train", directory.resolve("agent.ttrpc"), transport);
        try (TrainingVm vm = TrainingVm.start(spec(tls()).userData(), directory);
                AgentRelay relay = AgentRelay.listen(options)) {
            relay.agentAt(new InetSocketAddress(
                    InetAddress.getLoopbackAddress(), vm.address().getPort()));
            try {
                relay.check(Duration.ofSeconds(10));
            } catch (StatusException e) {
                log.info("the agent says {}", e.getMessage());
            }
        }
    }

    /** The AWS SDK, against an endpoint of this process that refuses everything. */
    private void cloud() throws Exception {
        Optional<CloudProviderType> aws =
                types.stream().filter(type -> type.name().equals("aws")).findFirst();
        if (aws.isEmpty()) {
            return;
        }
        InetSocketAddress anywhere = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        try (HttpEndpoint refusing =
                HttpEndpoint.listen(anywhere, Map.of("/", () -> HttpEndpoint.Answer.text(400, "")))) {
            String url = "http://127.0.0.1:" + refusing.address().getPort();
            Settings settings = SettingsTable.of(aws.get())
                    .parse(List.of(
                            "-aws-endpoint-url=" + url,
                            "-aws-metadata-endpoint=" + url,
                            "-aws-access-key-id=training",
                            "-aws-secret-key=training",
                            "-aws-region=us-east-1",
                            "-aws-call-timeout=5s",
                            "-imageid=ami-0",
                            "-subnetid=subnet-0",
                            "-securitygroupids=sg-0",
                            "-keyname=training"));
            Worker worker = new Worker("training", "training", directory, false);
            try (CloudProvider cloud = aws.get().open(settings, worker)) {
                log.info("{} findings", cloud.check().size());
            }
        }
    }

    /** Plan, journal and comparison; nothing is applied. */
    private void tunnel() throws Exception {
        WorkerPlan.Place place = new WorkerPlan.Place(NetnsRef.OWN, "peerpods-train");
        VmPeer peer = VmPeer.of(InetAddress.getByName("192.0.2.20"), 15150);
        var plan = WorkerPlan.of(ID, NetnsRef.of("/run/netns/peerpods-nobody"), network(), peer, place);
        log.info("{} ops", plan.ops().size());
        try (Rtnl rtnl = Rtnl.open()) {
            log.info("{} links, {} routes", rtnl.links().size(), rtnl.routes().size());
        }
        Executor executor = new Executor();
        executor.undo(Journal.open(directory.resolve("none.journal")));
        log.info("{} differences", executor.verify(plan).size());
    }

    private static void removeTree(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
