package io.peerpods.tests.lab;

import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.Vm;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A pod on a VM of its own by the whole way: Kata's calls to the adaptor, its provider, podvm-agent in the VM, and
 * containers by the agent protocol.
 */
public final class WholePod implements AutoCloseable {

    private final Cluster cluster;
    private final ClusterPod cni;
    private final String id;
    private final KataPod kata;
    private final Vm vm;

    private WholePod(Cluster cluster, ClusterPod cni, String id, KataPod kata, Vm vm) {
        this.cluster = cluster;
        this.cni = cni;
        this.id = id;
        this.kata = kata;
        this.vm = vm;
    }

    /** Tells how far it is. */
    @FunctionalInterface
    public interface Progress {
        void done(String step);
    }

    /** Starts a pod in the namespace that the CNI made for it. */
    public static WholePod start(Cluster cluster, Adaptor adaptor, ClusterPod cni, Progress progress) {
        String id = KataPod.newId();
        Shim shim = adaptor.shim();
        Path socket = shim.createVm(id, cni.name(), "default", cni.namespace().toString());
        progress.done("CreateVM");
        shim.startVm(id);
        progress.done("StartVM (the VM boots, both halves of its network are made)");
        KataPod kata = KataPod.start(id, socket, cluster.resolver(), () -> shim.stopVm(id));
        progress.done("sandbox and two containers by the agent protocol");
        return new WholePod(cluster, cni, id, kata, vmOf(cluster, id));
    }

    /** The VM of a sandbox. */
    public static Vm vmOf(Cluster cluster, String id) {
        return findVm(cluster, id).orElseThrow(() -> new IllegalStateException("no VM of sandbox " + id));
    }

    /** The VM of a sandbox, when there is one. */
    public static Optional<Vm> findVm(Cluster cluster, String id) {
        return cluster.vpc().vms().stream()
                .filter(vm -> vm.tags().containsValue(id))
                .findFirst();
    }

    /** What the check table looks at. */
    public PodTopology topology(PodConnection setting) {
        Place onWorker = new Place("the pod's namespace on the worker", cni.namespace());
        Place inVm = new Place("the pod", Machine.of(vm).file("/run/netns/podns"));
        return new PodTopology(
                cluster,
                setting,
                cluster.worker(),
                onWorker,
                new Place("the VM", vm.namespace()),
                inVm,
                cni.ip(),
                cni.mac(),
                vm.primary().ip(),
                vm.nics().stream().skip(1).findFirst().map(nic -> nic.ip()),
                Tunnel.vni(onWorker),
                PodTopology.PATIENCE,
                kata::exec);
    }

    public String id() {
        return id;
    }

    public Vm vm() {
        return vm;
    }

    public KataPod kata() {
        return kata;
    }

    public Ran exec(String... command) {
        return kata.exec(List.of(command));
    }

    /** Ends containers and sandbox, then stops the VM, as the shim does. */
    public void stop() {
        kata.destroy();
    }

    /** Lets go of the agent's connection; the VM stays. */
    @Override
    public void close() {
        kata.close();
    }
}
