package io.peerpods.tests.bench;

import io.peerpods.linux.IpPrefix;
import io.peerpods.vpc.LocalVpc;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.model.WorkerNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A worker in a simulated VPC, with pods that the cluster's CNI has made, and adaptors started on it. */
final class World implements AutoCloseable {
    private static final int POD_MTU = 1500;

    private final Distributions distributions;
    private final Path directory;
    private final LocalVpc vpc;
    private final WorkerNode worker;
    private int pods;
    private int adaptors;

    World(Distributions distributions, Path directory) throws IOException {
        this.distributions = distributions;
        this.directory = directory;
        this.vpc = LocalVpc.open(Files.createDirectories(directory.resolve("vpc")), VpcSpec.DEFAULT);
        this.worker =
                vpc.worker("bench", InetAddress.getByAddress(new byte[] {10, 10, 0, 10}), IpPrefix.of("10.244.0.0/23"));
    }

    LocalVpc vpc() {
        return vpc;
    }

    WorkerNode worker() {
        return worker;
    }

    Path directory() {
        return directory;
    }

    /** The namespace of another pod, as the CNI leaves it. */
    Path pod() throws IOException {
        int number = 10 + pods++;
        InetAddress address = InetAddress.getByAddress(
                new byte[] {10, (byte) 244, (byte) (number / 200), (byte) (10 + number % 200)});
        ClusterPod pod = vpc.clusterPod(worker, "p" + number, address, POD_MTU);
        return pod.namespace();
    }

    /** An adaptor, and how long it took from its start until its socket answered. */
    record Adaptor(Daemon daemon, UnixDomainSocketAddress socket, Path pods, double readyMillis)
            implements AutoCloseable {
        /** Waits until nothing is left of any sandbox; StopVM answers before. */
        void awaitNoSandboxes() throws Exception {
            daemon.await(
                    "end of the removals",
                    Duration.ofSeconds(60),
                    () -> pods.toFile().list().length == 0);
        }

        @Override
        public void close() throws IOException {
            daemon.close();
        }
    }

    /** Starts one with a state of its own. It takes no notice of the other's VMs; one at a time. */
    Adaptor adaptor(Map<String, String> settings) throws Exception {
        Path home = Files.createDirectories(directory.resolve("a" + adaptors++));
        Path socket = home.resolve("hypervisor.sock");
        Map<String, String> environment = new HashMap<>(Map.of(
                "REMOTE_HYPERVISOR_ENDPOINT", socket.toString(),
                "PODS_DIR", home.resolve("pods").toString(),
                "STATE_DIR", home.resolve("state").toString(),
                "GRPC_LISTEN", "unix:" + home.resolve("grpc.sock"),
                "LOCAL_ROOM", vpc.directory().toString(),
                "LOCAL_WORKER_ADDRESS", "10.10.0.10",
                "CLUSTER_ID", "bench"));
        environment.putAll(settings);
        long begun = System.nanoTime();
        Daemon daemon = Daemon.start(
                "adaptor",
                worker.namespace(),
                environment,
                home.resolve("log"),
                List.of(distributions.adaptor().toString(), "local"));
        try {
            UnixDomainSocketAddress address = UnixDomainSocketAddress.of(socket);
            daemon.await("socket " + socket, Duration.ofSeconds(60), () -> answers(address));
            return new Adaptor(daemon, address, home.resolve("pods"), (System.nanoTime() - begun) / 1e6);
        } catch (Exception e) {
            daemon.close();
            throw e;
        }
    }

    private static boolean answers(UnixDomainSocketAddress address) {
        try (SocketChannel channel = SocketChannel.open(address)) {
            return channel.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    /** Waits until the adaptor has deleted every VM, which it does after its answer to StopVM. */
    void awaitNoVms() throws Exception {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!vpc.vms().isEmpty()) {
            if (System.nanoTime() > end) {
                throw new IOException(
                        "VMs are left a minute after StopVM: " + vpc.vms().size());
            }
            Thread.sleep(20);
        }
    }

    /** Removes everything, and says what a process of the product had left. */
    @Override
    public void close() {
        List<String> left = new ArrayList<>();
        vpc.vms().forEach(vm -> left.add("VM " + vm.id()));
        vpc.close();
        LocalVpc.cleanup(directory.resolve("vpc"));
        if (!left.isEmpty()) {
            System.out.println("  left behind by the adaptor and removed: " + left);
        }
    }
}
