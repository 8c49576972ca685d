package io.peerpods.adaptor;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.protobuf.Empty;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.peerpods.config.AgentConfig;
import io.peerpods.config.TlsSettings;
import io.peerpods.config.tls.Credentials;
import io.peerpods.config.tls.TlsEndpoint;
import io.peerpods.config.userdata.UserData;
import io.peerpods.linux.Netns;
import io.peerpods.proto.agent.AgentServiceGrpc;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.CreateContainerRequest;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.relay.Forwarder;
import io.peerpods.relay.ForwarderOptions;
import io.peerpods.relay.Transport;
import io.peerpods.ttrpc.TtrpcServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A small cloud that outlives the adaptor: it runs in the test's process, and the adaptor's side ({@link TestCloudType}) calls it over a
 * unix socket. Its VMs are real forwarders with real TLS, in the worker's network namespace, before an agent that says that it serves and
 * remembers the containers it was to make. The same launch again is the same VM. Thread-safe.
 */
final class TestCloud implements AutoCloseable {

    static final int FIRST_ADDRESS = 20;
    static final int LAST_ADDRESS = 60;

    private static final Gson GSON = new Gson();

    /** One VM. */
    record Vm(String id, String address, Forwarder forwarder) {}

    private final Path directory;
    private final Netns worker;
    private final int agentPort;
    private final ServerSocketChannel listener;
    private final TtrpcServer agent;
    private final Map<String, Vm> vms = new TreeMap<>();
    private final Set<String> everLaunched = new TreeSet<>();
    private final List<CreateContainerRequest> containers;
    private final Set<String> ended = new TreeSet<>();
    private final Map<String, Integer> faults = new TreeMap<>();
    private int launches;
    private int inFlight;
    private int nextAddress = FIRST_ADDRESS;
    private int deletesToFail;
    private String refusal = "";
    private String agentRefusal = "";
    private @Nullable CountDownLatch held;
    private @Nullable CountDownLatch deletesHeld;

    private TestCloud(
            Path directory,
            Netns worker,
            int agentPort,
            ServerSocketChannel listener,
            TtrpcServer agent,
            List<CreateContainerRequest> containers) {
        this.directory = directory;
        this.worker = worker;
        this.agentPort = agentPort;
        this.listener = listener;
        this.agent = agent;
        this.containers = containers;
    }

    static TestCloud open(Path directory, Path worker, int agentPort) throws IOException {
        List<CreateContainerRequest> containers = new CopyOnWriteArrayList<>();
        TtrpcServer agent = TtrpcServer.builder()
                .addService(new Serving())
                .addService(new Containers(containers))
                .listen(UnixDomainSocketAddress.of(directory.resolve("kata.sock")));
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(directory.resolve("cloud.sock")));
        TestCloud cloud = new TestCloud(directory, Netns.open(worker), agentPort, listener, agent, containers);
        Thread.ofVirtual().start(cloud::accept);
        return cloud;
    }

    Path socket() {
        return directory.resolve("cloud.sock");
    }

    // ---- what tests set and ask

    synchronized Set<String> sandboxes() {
        return new TreeSet<>(vms.keySet());
    }

    synchronized int launches() {
        return launches;
    }

    synchronized boolean wasLaunched(String sandbox) {
        return everLaunched.contains(sandbox);
    }

    /** What arrived at the VMs' agents. */
    List<CreateContainerRequest> containers() {
        return containers;
    }

    synchronized void failDeletes(int times) {
        deletesToFail = times;
    }

    /** The adaptor's side of the cloud throws an Error at the next calls of that kind: launch, delete, owned. */
    synchronized void breakNext(String call, int times) {
        faults.put(call, times);
    }

    private synchronized boolean isBroken(String call) {
        int left = faults.getOrDefault(call, 0);
        faults.put(call, Math.max(left - 1, 0));
        return left > 0;
    }

    /** Launches fail with this text; empty lets them through. */
    synchronized void refuse(String text) {
        refusal = text;
    }

    /** Agents of later VMs refuse every call with this text. */
    synchronized void agentsRefuse(String text) {
        agentRefusal = text;
    }

    /** Whether a launch has arrived and is not answered yet. */
    synchronized boolean isLaunching() {
        return inFlight > 0;
    }

    /** Launches wait until the latch is counted down. */
    synchronized void hold(@Nullable CountDownLatch latch) {
        held = latch;
    }

    /** Deletions wait until the latch is counted down. */
    synchronized void holdDeletes(@Nullable CountDownLatch latch) {
        deletesHeld = latch;
    }

    /** Ends the VM's processes; the cloud goes on to list it. */
    synchronized void kill(String sandbox) {
        vm(sandbox).forwarder().close();
    }

    /** From now on the cloud says that the VM has ended. */
    synchronized void sayEnded(String sandbox) {
        ended.add("vm-" + sandbox);
    }

    synchronized String address(String sandbox) {
        return vm(sandbox).address();
    }

    private synchronized Vm vm(String sandbox) {
        return Objects.requireNonNull(vms.get(sandbox), sandbox);
    }

    private synchronized boolean hasEnded(String vm) {
        return ended.contains(vm);
    }

    /** A VM that no adaptor has asked for. */
    synchronized void plant(String sandbox) {
        vms.put(sandbox, new Vm("vm-" + sandbox, "192.0.2." + nextAddress, idleForwarder()));
    }

    private Forwarder idleForwarder() {
        try {
            return Forwarder.listen(ForwarderOptions.of(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    directory.resolve("kata.sock"),
                    Transport.plain()));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    // ---- what the adaptor asks

    private void accept() {
        try {
            while (true) {
                SocketChannel caller = listener.accept();
                Thread.ofVirtual().start(() -> serve(caller));
            }
        } catch (IOException e) {
            // The end of the test.
        }
    }

    private void serve(SocketChannel caller) {
        try (caller) {
            BufferedReader in = new BufferedReader(Channels.newReader(caller, StandardCharsets.UTF_8));
            String line = in.readLine();
            if (line == null) {
                return;
            }
            JsonObject request = GSON.fromJson(line, JsonObject.class);
            JsonObject answer = answer(request);
            ByteBuffer bytes = ByteBuffer.wrap((answer + "\n").getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                caller.write(bytes);
            }
        } catch (IOException e) {
            // The adaptor was killed.
        }
    }

    private JsonObject answer(JsonObject request) {
        JsonObject answer = new JsonObject();
        try {
            String call = request.get("do").getAsString();
            if (isBroken(call)) {
                answer.addProperty("fault", "io/example/" + call);
                return answer;
            }
            switch (call) {
                case "launch" -> launch(request, answer);
                case "delete" -> delete(request.get("sandbox").getAsString());
                case "ended" ->
                    answer.addProperty("ended", hasEnded(request.get("sandbox").getAsString()));
                case "owned" -> answer.add("owned", GSON.toJsonTree(sandboxes()));
                default -> throw new IllegalArgumentException(request.toString());
            }
        } catch (Exception e) {
            answer.addProperty("error", String.valueOf(e.getMessage()));
        }
        return answer;
    }

    private void launch(JsonObject request, JsonObject answer) throws Exception {
        CountDownLatch latch;
        synchronized (this) {
            latch = held;
            inFlight++;
        }
        try {
            await(latch);
            launchNow(request, answer);
        } finally {
            synchronized (this) {
                inFlight--;
                notifyAll();
            }
        }
    }

    private void launchNow(JsonObject request, JsonObject answer) throws Exception {
        synchronized (this) {
            if (!refusal.isEmpty()) {
                throw new IOException(refusal);
            }
            String sandbox = request.get("sandbox").getAsString();
            Vm vm = vms.get(sandbox);
            if (vm == null) {
                launches++;
                everLaunched.add(sandbox);
                vm = boot(sandbox, request.get("userData").getAsString());
                vms.put(sandbox, vm);
            }
            answer.addProperty("id", vm.id());
            answer.addProperty("address", vm.address());
        }
    }

    private Vm boot(String sandbox, String userData) throws Exception {
        String address = "192.0.2." + nextAddress;
        nextAddress = nextAddress == LAST_ADDRESS ? FIRST_ADDRESS : nextAddress + 1;
        AgentConfig config =
                AgentConfig.parse(UserData.parse(userData).agentConfig().orElseThrow());
        TlsEndpoint endpoint = TlsEndpoint.server(
                Credentials.ofPem(config.tlsServerKey(), config.tlsServerCertificate(), "test"),
                Credentials.certificatesOfPem(config.tlsClientCa(), "test"),
                TlsSettings.DEFAULT);
        ForwarderOptions options = ForwarderOptions.of(
                new InetSocketAddress(InetAddress.getByName(address), agentPort),
                directory.resolve("kata.sock"),
                Transport.server(endpoint.context(), endpoint.parameters()));
        ForwarderOptions chosen = agentRefusal.isEmpty()
                ? options
                : options.refusing(Status.FAILED_PRECONDITION.withDescription(agentRefusal));
        return new Vm("vm-" + sandbox, address, worker.call(() -> Forwarder.listen(chosen)));
    }

    private void delete(String sandbox) throws Exception {
        CountDownLatch latch;
        synchronized (this) {
            latch = deletesHeld;
        }
        await(latch);
        synchronized (this) {
            // As a provider that first finds out what became of a launch whose answer it never saw.
            while (inFlight > 0) {
                wait();
            }
            if (deletesToFail > 0) {
                deletesToFail--;
                throw new IOException("the cloud is busy");
            }
            Vm vm = vms.remove(sandbox);
            if (vm != null) {
                vm.forwarder().close();
            }
        }
    }

    private static void await(@Nullable CountDownLatch latch) throws InterruptedException {
        if (latch != null && !latch.await(120, TimeUnit.SECONDS)) {
            throw new IllegalStateException("held for too long");
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        synchronized (this) {
            vms.values().forEach(vm -> vm.forwarder().close());
        }
        agent.close();
        worker.close();
    }

    private static final class Serving extends HealthGrpc.HealthImplBase {
        @Override
        public void check(CheckRequest request, StreamObserver<HealthCheckResponse> caller) {
            caller.onNext(HealthCheckResponse.newBuilder()
                    .setStatus(HealthCheckResponse.ServingStatus.SERVING)
                    .build());
            caller.onCompleted();
        }
    }

    private static final class Containers extends AgentServiceGrpc.AgentServiceImplBase {
        private final List<CreateContainerRequest> asked;

        private Containers(List<CreateContainerRequest> asked) {
            this.asked = asked;
        }

        @Override
        public void createContainer(CreateContainerRequest request, StreamObserver<Empty> caller) {
            asked.add(request);
            caller.onNext(Empty.getDefaultInstance());
            caller.onCompleted();
        }
    }
}
