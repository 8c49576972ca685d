package io.peerpods.adaptor;

import io.peerpods.linux.Netns;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.TempNetns;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A worker node for tests: a network namespace with a NIC, a cloud, a directory, pods; and adaptors in it. */
final class TestWorker implements AutoCloseable {

    static final int AGENT_PORT = 15150;

    private static final AtomicInteger COUNT = new AtomicInteger();

    private final Path directory;
    private final TempNetns netns;
    private final TestCloud cloud;
    private final List<TempNetns> pods = new ArrayList<>();
    private final List<AdaptorProcess> adaptors = new ArrayList<>();
    private final KernelInventory before;

    private TestWorker(Path directory, TempNetns netns, TestCloud cloud) {
        this.directory = directory;
        this.netns = netns;
        this.cloud = cloud;
        this.before = KernelInventory.take(netns);
    }

    static TestWorker open() throws IOException {
        // Short: a socket's path holds 107 bytes, of which a sandbox id takes 64.
        Path directory = Files.createDirectory(
                Path.of("/tmp", "pp" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet()));
        TempNetns netns = TempNetns.createWithoutIpv6("worker");
        try {
            netns.exec("ip", "link", "add", "nic0", "type", "bridge");
            netns.exec("ip", "addr", "add", "192.0.2.10/24", "dev", "nic0");
            netns.exec("ip", "link", "set", "nic0", "up");
            netns.exec("ip", "route", "add", "default", "via", "192.0.2.1", "dev", "nic0", "onlink");
            for (int i = TestCloud.FIRST_ADDRESS; i <= TestCloud.LAST_ADDRESS; i++) {
                netns.exec("ip", "addr", "add", "192.0.2." + i + "/32", "dev", "lo");
            }
            return new TestWorker(directory, netns, TestCloud.open(directory, netns.path(), AGENT_PORT));
        } catch (IOException | RuntimeException e) {
            netns.close();
            throw e;
        }
    }

    Path directory() {
        return directory;
    }

    Path podsDirectory() {
        return directory.resolve("pods");
    }

    TempNetns netns() {
        return netns;
    }

    TestCloud cloud() {
        return cloud;
    }

    /** A pod's namespace as a CNI leaves it. The node's end of the cable lies in it too, so that removing it removes all. */
    TempNetns pod() {
        TempNetns pod = TempNetns.createWithoutIpv6("pod");
        pods.add(pod);
        int number = pods.size() + 10;
        pod.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "node0");
        pod.exec("ip", "addr", "add", "10.244.1." + number + "/24", "dev", "eth0");
        pod.exec("ip", "link", "set", "node0", "up");
        pod.exec("ip", "link", "set", "eth0", "up");
        pod.exec("ip", "route", "add", "default", "via", "10.244.1.1", "dev", "eth0");
        return pod;
    }

    /** The flags of an adaptor that keeps to this worker's directory. */
    List<String> flags(String... more) {
        List<String> flags = new ArrayList<>(List.of(
                "-test-cloud=" + cloud.socket(),
                "-socket=" + directory.resolve("h.sock"),
                "-pods-dir=" + podsDirectory(),
                "-state-dir=" + directory.resolve("state"),
                "-grpc-listen=off",
                "-metrics-listen=off",
                "-probe-port=off",
                "-cluster-id=test",
                "-node-name=worker"));
        flags.addAll(List.of(more));
        return flags;
    }

    /** Starts an adaptor; it may not be ready yet. */
    AdaptorProcess begin(Map<String, String> environment, String... more) throws IOException {
        return begin(List.of("nsenter", "--net=" + netns.path()), environment, more);
    }

    AdaptorProcess begin(List<String> prefix, Map<String, String> environment, String... more) throws IOException {
        Path output = directory.resolve("adaptor-" + adaptors.size() + ".log");
        AdaptorProcess adaptor =
                AdaptorProcess.start(prefix, flags(more), environment, directory.resolve("h.sock"), output);
        adaptors.add(adaptor);
        return adaptor;
    }

    AdaptorProcess adaptor(String... more) throws Exception {
        return begin(Map.of(), more).awaitReady();
    }

    /** A listening socket of another program in the worker's namespace. */
    ServerSocket occupy(String address, int port) throws Exception {
        try (Netns worker = Netns.open(netns.path())) {
            return worker.call(() -> new ServerSocket(port, 1, InetAddress.getByName(address)));
        }
    }

    /** Status and body of an HTTP answer, asked for inside the worker's namespace. */
    String get(String url) throws Exception {
        try (Netns worker = Netns.open(netns.path())) {
            return worker.call(() -> {
                HttpURLConnection connection =
                        (HttpURLConnection) URI.create(url).toURL().openConnection();
                int status = connection.getResponseCode();
                var body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
                return status + " " + new String(body.readAllBytes(), StandardCharsets.UTF_8);
            });
        }
    }

    /** What is in the worker's namespace that was not there at first. Our empty nft table may stay. */
    List<String> leftovers() {
        return KernelInventory.take(netns).since(before);
    }

    @Override
    public void close() throws IOException {
        adaptors.forEach(AdaptorProcess::close);
        cloud.close();
        pods.forEach(TempNetns::close);
        netns.close();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
