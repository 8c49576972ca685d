package io.peerpods.tests.whole;

import io.grpc.stub.StreamObserver;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.Netns;
import io.peerpods.proto.agent.CheckRequest;
import io.peerpods.proto.agent.HealthCheckResponse;
import io.peerpods.proto.agent.HealthGrpc;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Place;
import io.peerpods.ttrpc.TtrpcServer;
import io.peerpods.vpc.LocalVpc;
import io.peerpods.vpc.model.Vm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Pod VMs that cost next to nothing: their programs sleep, and what answers on the agent's port (without TLS, Health/Check only) is this
 * process. For tests that start VMs by the hundred and look at the worker alone.
 */
final class CheapMachines implements AutoCloseable {

    private static final String ASLEEP = "#!/bin/sh\nexec sleep infinity\n";

    private final LocalVpc vpc;
    private final String worker;
    private final Map<String, TtrpcServer> agents = new HashMap<>();
    private final Thread watch;
    private volatile boolean closed;

    private CheapMachines(Cluster cluster) {
        this.vpc = cluster.vpc();
        this.worker = IpAddresses.text(cluster.workerAddress());
        this.watch = Thread.ofPlatform().daemon().name("cheap-machines").unstarted(this::watch);
    }

    /** Watches the cluster's VPC: whatever VM appears there gets its agent. */
    static CheapMachines in(Cluster cluster) {
        CheapMachines machines = new CheapMachines(cluster);
        machines.watch.start();
        return machines;
    }

    /** Flags of an adaptor whose VMs are such; {@code directory} is for two small scripts. */
    static List<String> flags(Path directory) {
        Path bin = directory.resolve("podvm-agent/bin");
        script(bin, "podvm-agent");
        Path kata = script(directory, "kata-agent");
        return List.of("-disable-tls", "-podvm-agent=" + directory.resolve("podvm-agent"), "-kata-agent=" + kata);
    }

    private static Path script(Path directory, String name) {
        Path file = directory.resolve(name);
        try {
            Files.createDirectories(directory);
            Files.writeString(file, ASLEEP);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void watch() {
        while (!closed) {
            List<Vm> vms = vpc.vms();
            Set<String> known = vms.stream().map(CheapMachines::key).collect(Collectors.toSet());
            synchronized (agents) {
                agents.entrySet().removeIf(entry -> {
                    boolean gone = !known.contains(entry.getKey());
                    if (gone) {
                        entry.getValue().close();
                    }
                    return gone;
                });
                vms.stream().filter(vm -> !agents.containsKey(key(vm))).forEach(this::serve);
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static String key(Vm vm) {
        return vm.id() + " " + vm.launched();
    }

    private void serve(Vm vm) {
        // A machine that boots talks; until it has, the worker may know its address by the hardware address of the one
        // before.
        if (!Netns.exists(vm.namespace())
                || !new Place("the VM", vm.namespace())
                        .run("ping", "-n", "-c", "1", "-W", "1", worker)
                        .ok()) {
            return;
        }
        try (Netns netns = Netns.open(vm.namespace())) {
            agents.put(
                    key(vm),
                    netns.<TtrpcServer, IOException>run(() -> TtrpcServer.builder()
                            .addService(new Healthy().bindService())
                            .listen(new InetSocketAddress("0.0.0.0", Cluster.AGENT_PORT))));
        } catch (IOException | RuntimeException e) {
            // The VM has gone between two looks, or its predecessor's agent has not let go yet: the next look tells.
            return;
        }
    }

    @Override
    public void close() {
        closed = true;
        watch.interrupt();
        try {
            watch.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (agents) {
            agents.values().forEach(TtrpcServer::close);
            agents.clear();
        }
    }

    /** Says that it serves. */
    private static final class Healthy extends HealthGrpc.HealthImplBase {
        @Override
        public void check(CheckRequest request, StreamObserver<HealthCheckResponse> observer) {
            observer.onNext(HealthCheckResponse.newBuilder()
                    .setStatus(HealthCheckResponse.ServingStatus.SERVING)
                    .build());
            observer.onCompleted();
        }
    }
}
