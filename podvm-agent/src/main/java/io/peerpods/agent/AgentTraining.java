package io.peerpods.agent;

import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpServer;
import io.grpc.StatusException;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.ConfigException;
import io.peerpods.config.PodVmPaths;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.CertificateAuthority;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.config.tls.TlsFiles;
import io.peerpods.config.userdata.UserData;
import io.peerpods.daemon.BadSettingException;
import io.peerpods.daemon.CommandLine;
import io.peerpods.daemon.Logs;
import io.peerpods.daemon.SdNotify;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.LinkKind;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.linux.op.Steps;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.proto.agent.CopyFileRequest;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.CreateSandboxRequest;
import io.peerpods.proto.agent.Linux;
import io.peerpods.proto.agent.Spec;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.relay.AgentRelay;
import io.peerpods.relay.RelayOptions;
import io.peerpods.relay.Transport;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The training run of the AOT cache, {@code podvm-agent train}: a whole start with a metadata service, network, TLS and calls of its
 * own, in a temporary directory and, where it is root, in network namespaces of its own. Nothing outside of these is touched; where it
 * may not make namespaces the network is what it goes without.
 */
final class AgentTraining {

    private static final Logger log = LoggerFactory.getLogger(AgentTraining.class);

    private static final int RESPONSE = 2;
    private static final int HEADER = 10;
    private static final int MAX_BODY = 4 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String VM_NAME = "podvm-training-00000000";
    private static final String FIRST_MAC = "02:00:00:00:10:01";
    private static final String SECOND_MAC = "02:00:00:00:10:02";

    /** A response whose payload reads as SERVING, and as an empty message wherever another one is expected. */
    private static final byte[] SERVING = {2 << 3 | 2, 2, 1 << 3, 1};

    private static final String POD_NETWORK = """
            {"podip": "10.244.1.2/24", "pod-hw-addr": "02:00:00:00:20:01", "interface": "eth0",
             "worker-node-ip": "10.10.0.1/16", "tunnel-type": "vxlan",
             "routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.1", "dev": "eth0", "protocol": "static"},
                        {"dst": "10.244.1.0/24", "gw": "", "dev": "eth0", "protocol": "kernel", "scope": "link"},
                        {"dst": "10.96.0.0/12", "gw": "10.244.1.1", "dev": "eth0", "protocol": "static"}],
             "neighbors": [{"ip": "10.244.1.1", "hw-addr": "02:00:00:00:20:02", "dev": "eth0", "state": "permanent"}],
             "mtu": 1500, "index": 0, "vxlan-port": 4789, "vxlan-id": 555000, "dedicated": false,
             "external-net-via-pod-vm": true}
            """;

    private final Path directory;
    private final Path vm;
    private final Path pod;
    private final Path kataAgent;

    private AgentTraining(Path directory) {
        this.directory = directory;
        this.vm = directory.resolve("vm");
        this.pod = directory.resolve("podns");
        this.kataAgent = directory.resolve("agent.sock");
    }

    /** Returns the exit status. */
    static int run(PrintStream err) throws InterruptedException {
        try {
            Path directory = Files.createTempDirectory("podvm-agent-train");
            AgentTraining training = new AgentTraining(directory);
            try {
                training.walk();
            } finally {
                training.clean();
            }
            return 0;
        } catch (IOException | ConfigException | StatusException | BadSettingException | PodNetworkException e) {
            err.println("podvm-agent train: " + e.getMessage());
            return 1;
        }
    }

    private void walk()
            throws IOException, ConfigException, StatusException, BadSettingException, PodNetworkException,
                    InterruptedException {
        CommandLine commandLine = new CommandLine(AgentSettings.TABLE);
        Logs.start(commandLine.parse(List.of("-user-data=aws", "--listen", "127.0.0.1:0"), Map.of()));
        CertificateAuthority authority = CertificateAuthority.create();
        Credentials client = CertificateAuthority.client();
        boolean namespaces = makeMachine();
        HttpServer metadata = metadata(document(authority.issue(VM_NAME), client));
        try (ServerSocketChannel agent = kataAgent();
                PodVmAgent daemon = new PodVmAgent(options(metadata), SdNotify.of(Map.of()), Steps.NONE)) {
            daemon.start();
            if (namespaces) {
                daemon.verify();
                call(daemon.port(), authority, client);
            }
            log.debug("trained against {}", agent);
        } finally {
            metadata.stop(0);
        }
    }

    private AgentOptions options(HttpServer metadata) {
        return new AgentOptions(
                directory.resolve("root" + PodVmPaths.AGENT_CONFIG),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                kataAgent,
                pod.toString(),
                "",
                TlsFiles.NONE,
                false,
                false,
                "aws",
                PATIENCE,
                directory,
                URI.create("http://127.0.0.1:" + metadata.getAddress().getPort()),
                false,
                Duration.ofSeconds(3),
                PATIENCE,
                directory.resolve("state"),
                vm.toString(),
                directory.resolve("root"));
    }

    private static String document(Credentials server, Credentials client) {
        AgentConfig config = AgentConfig.of(
                        "training", "pod", JsonParser.parseString(POD_NETWORK).getAsJsonObject())
                .withTls(
                        server.keyPem(),
                        server.certificatePem(),
                        Credentials.pem(List.of(client.certificate())),
                        TlsSettings.DEFAULT);
        return UserData.builder()
                .file(PodVmPaths.AGENT_CONFIG, config.toJson())
                .build()
                .render();
    }

    /** A machine with two NICs in a namespace of its own; false where that is not allowed. */
    private boolean makeMachine() {
        try {
            Netns.create(vm).close();
            NetnsRef machine = NetnsRef.of(vm);
            new Executor(Steps.NONE)
                    .apply(
                            new Plan(
                                    "training",
                                    List.of(
                                            nic(machine, "ens5", FIRST_MAC, "net0"),
                                            new Op.Address(machine, "ens5", IpPrefix.of("10.10.1.2/16")),
                                            Op.Route.unicast(
                                                    machine,
                                                    IpPrefix.IPV4_DEFAULT,
                                                    IpAddresses.parse("10.10.0.254"),
                                                    "ens5"),
                                            nic(machine, "ens6", SECOND_MAC, "net1"),
                                            new Op.Address(machine, "ens6", IpPrefix.of("10.20.0.10/24")))),
                            Journal.inMemory());
            return true;
        } catch (RuntimeException notAllowed) {
            return false;
        }
    }

    private static Op nic(NetnsRef machine, String name, String mac, String peer) {
        return new Op.Link(machine, name, new LinkKind.Veth(peer, machine), MacAddress.of(mac), 0, true);
    }

    private static HttpServer metadata(String userData) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        String macs = "/latest/meta-data/network/interfaces/macs/";
        Map<String, String> values = Map.of(
                "/latest/api/token",
                "token",
                "/latest/user-data",
                userData,
                macs,
                FIRST_MAC + "/\n" + SECOND_MAC + "/",
                macs + FIRST_MAC + "/device-number",
                "0",
                macs + FIRST_MAC + "/local-ipv4s",
                "10.10.1.2",
                macs + FIRST_MAC + "/subnet-ipv4-cidr-block",
                "10.10.0.0/16",
                macs + SECOND_MAC + "/device-number",
                "1",
                macs + SECOND_MAC + "/local-ipv4s",
                "10.20.0.10",
                macs + SECOND_MAC + "/subnet-ipv4-cidr-block",
                "10.20.0.0/24");
        server.createContext("/", exchange -> {
            String value = values.get(exchange.getRequestURI().getPath());
            byte[] body = value == null ? new byte[0] : value.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(value == null ? 404 : 200, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        return server;
    }

    private ServerSocketChannel kataAgent() throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(kataAgent));
        Thread.startVirtualThread(() -> {
            try {
                while (true) {
                    SocketChannel connection = listener.accept();
                    Thread.startVirtualThread(() -> answerAll(connection));
                }
            } catch (IOException closed) {
                // The training is over.
            }
        });
        return listener;
    }

    private static void answerAll(SocketChannel connection) {
        try (connection) {
            DataInputStream in = new DataInputStream(Channels.newInputStream(connection));
            DataOutputStream out = new DataOutputStream(Channels.newOutputStream(connection));
            while (true) {
                int length = in.readInt();
                int stream = in.readInt();
                in.skipNBytes(HEADER - 2 * Integer.BYTES + Math.min(length, MAX_BODY));
                out.write(frame(stream, RESPONSE, SERVING));
            }
        } catch (IOException hungUp) {
            // As every connection ends.
        }
    }

    /** What the worker and Kata's shim do first. */
    private void call(int port, CertificateAuthority authority, Credentials client)
            throws IOException, StatusException {
        TlsEndpoint endpoint = TlsEndpoint.client(client, authority.trusted(), VM_NAME, TlsSettings.DEFAULT);
        Path socket = directory.resolve("agent.ttrpc");
        RelayOptions options = RelayOptions.of(
                "the VM of the training",
                socket,
                Transport.client(endpoint.context(), endpoint.parameters(), endpoint.serverName()));
        try (AgentRelay relay = AgentRelay.listen(options)) {
            relay.agentAt(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            relay.check(PATIENCE);
            try (SocketChannel shim = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                DataInputStream in = new DataInputStream(Channels.newInputStream(shim));
                DataOutputStream out = new DataOutputStream(Channels.newOutputStream(shim));
                int stream = 1;
                for (Request request : requests()) {
                    out.write(frame(stream, 1, request.toByteArray()));
                    in.skipNBytes(in.readInt() + (long) HEADER - Integer.BYTES);
                    stream += 2;
                }
            }
        }
    }

    private static List<Request> requests() {
        return List.of(
                request(
                        "CreateSandbox",
                        CreateSandboxRequest.newBuilder()
                                .addDns("nameserver 10.96.0.10")
                                .build()
                                .toByteString()),
                request(
                        "CopyFile",
                        CopyFileRequest.newBuilder()
                                .setPath("/run/kata-containers/shared/containers/x-resolv.conf")
                                .setData(com.google.protobuf.ByteString.copyFromUtf8("nameserver 10.96.0.11\n"))
                                .build()
                                .toByteString()),
                request(
                        "CreateContainer",
                        CreateContainerRequest.newBuilder()
                                .setContainerId("x")
                                .setOCI(Spec.newBuilder()
                                        .setLinux(Linux.getDefaultInstance())
                                        .putAnnotations("a", "b"))
                                .build()
                                .toByteString()),
                request("StartContainer", com.google.protobuf.ByteString.EMPTY));
    }

    private static Request request(String method, com.google.protobuf.ByteString payload) {
        return Request.newBuilder()
                .setService("grpc.AgentService")
                .setMethod(method)
                .setPayload(payload)
                .setTimeoutNano(PATIENCE.toNanos())
                .build();
    }

    private static byte[] frame(int stream, int type, byte[] body) throws IOException {
        var bytes = new java.io.ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(body.length);
        out.writeInt(stream);
        out.writeByte(type);
        out.writeByte(0);
        out.write(body);
        return bytes.toByteArray();
    }

    private void clean() throws IOException {
        removeNamespace(pod);
        removeNamespace(vm);
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** Where it could not be made, only an empty file of that name is there. */
    private static void removeNamespace(Path namespace) {
        try {
            Netns.delete(namespace);
        } catch (LinuxException notMade) {
            log.debug("no namespace at {}: {}", namespace, notMade.getMessage());
        }
    }
}
