package io.peerpods.tests.lab;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.Netns;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.Underlay;
import io.peerpods.network.vm.ExternalNic;
import io.peerpods.network.vm.NameServerRoutes;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.network.worker.PodSubnetCidrs;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerInspection;
import io.peerpods.network.worker.WorkerPlan;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.Nic;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A pod whose two plans are carried out right here, without daemons, on a VM that runs nothing: so that a plan can be changed before it
 * is. Closing it undoes both and stops the VM.
 */
public final class PlannedPod implements AutoCloseable {

    private static final String TABLE = "peerpods-lab";

    private final Cluster cluster;
    private final PodConnection setting;
    private final SeatOnWorker seat;
    private final Vm vm;
    private final Path inVm;
    private final PodNetworkSpec spec;
    private final Plan workerPlan;
    private final Plan vmPlan;
    private final Executor executor = new Executor();
    private final Journal workerJournal = Journal.inMemory();
    private final Journal vmJournal = Journal.inMemory();
    private final ServerSocket agentPort;

    /** What the pod has on the worker. */
    public record SeatOnWorker(Place place, InetAddress address, io.peerpods.linux.MacAddress mac) {

        public static SeatOnWorker of(ClusterPod pod) {
            return new SeatOnWorker(
                    new Place("the pod's namespace on the worker", pod.namespace()), pod.ip(), pod.mac());
        }
    }

    private PlannedPod(
            Cluster cluster, PodConnection setting, SeatOnWorker seat, String name, List<String> podSubnetCidrs)
            throws PodNetworkException {
        this.cluster = cluster;
        this.setting = setting;
        this.seat = seat;
        int[] subnets = setting.externalNetwork() ? new int[] {0, 1} : new int[] {0};
        this.vm = cluster.vpc().startVm(VmRequest.of(name, "", VmImage.empty(), subnets));
        this.agentPort = listen(vm);
        this.inVm = Netns.NAMED.resolve(cluster.vpc().prefix() + "-podns-" + name);
        NetnsRef worker = NetnsRef.of(cluster.worker().namespace());
        this.spec = WorkerInspection.inspect(
                        new WorkerInspection.Request(
                                seat.place().namespace().toString(),
                                "default/" + name,
                                "",
                                PodSubnetCidrs.parse(String.join(",", podSubnetCidrs)),
                                setting.externalNetwork(),
                                PodNetworkSpec.Options.NONE),
                        worker)
                .spec()
                .withTunnel(Cluster.VXLAN_PORT, 555_000, 0);
        InetAddress address = vm.primary().ip();
        this.workerPlan = WorkerPlan.of(
                name,
                NetnsRef.of(seat.place().namespace()),
                spec,
                VmPeer.of(address, Cluster.AGENT_PORT),
                new WorkerPlan.Place(worker, TABLE));
        this.vmPlan = PodVmPlan.of(
                spec,
                new Underlay(vm.primary().name(), address, setting.underlayMtu()),
                secondNic(),
                new PodVmPlan.Place(NetnsRef.of(vm.namespace()), NetnsRef.of(inVm), Cluster.AGENT_PORT, true));
    }

    /** Starts the VM and makes the plans; nothing of them is carried out yet. */
    public static PlannedPod plan(Cluster cluster, PodConnection setting, SeatOnWorker seat, String name)
            throws PodNetworkException {
        return plan(cluster, setting, seat, name, setting.podSubnetCidrs());
    }

    /** The same with a list of its own. */
    public static PlannedPod plan(
            Cluster cluster, PodConnection setting, SeatOnWorker seat, String name, List<String> podSubnetCidrs)
            throws PodNetworkException {
        return new PlannedPod(cluster, setting, seat, name, podSubnetCidrs);
    }

    /** The kernel takes connections to the agent's port, and does not read from them. */
    private static ServerSocket listen(Vm vm) {
        try (Netns netns = Netns.open(vm.namespace())) {
            return netns.<ServerSocket, IOException>run(() -> new ServerSocket(Cluster.AGENT_PORT));
        } catch (IOException e) {
            throw new UncheckedIOException("listen in VM " + vm.id(), e);
        }
    }

    private @Nullable ExternalNic secondNic() {
        if (!setting.externalNetwork()) {
            return null;
        }
        Nic nic = vm.nics().get(1);
        return new ExternalNic(nic.mac(), nic.name(), false, List.of(nic.address()), nic.gateway());
    }

    public Plan workerPlan() {
        return workerPlan;
    }

    public Plan vmPlan() {
        return vmPlan;
    }

    public PodNetworkSpec spec() {
        return spec;
    }

    public Vm vm() {
        return vm;
    }

    /** Carries both plans out, changed as wanted. */
    public PlannedPod apply(UnaryOperator<Plan> change) {
        executor.apply(change.apply(workerPlan), workerJournal);
        executor.apply(change.apply(vmPlan), vmJournal);
        Plan names = NameServerRoutes.of(spec, List.of(cluster.nameServer()), NetnsRef.of(inVm));
        executor.apply(change.apply(names), vmJournal);
        return this;
    }

    /** What differs between plans and kernel now. */
    public List<String> differences() {
        return java.util.stream.Stream.of(workerPlan, vmPlan)
                .flatMap(plan -> executor.verify(plan).stream())
                .map(Object::toString)
                .toList();
    }

    /** What differs between the VM's plan and its kernel now. */
    public List<String> differencesInVm() {
        // By an executor that remembers no rules, as podvm-agent -verify is: the VM's agent may have made them anew
        // since.
        return new Executor().verify(vmPlan).stream().map(Object::toString).toList();
    }

    /** Leaves the agent's port to an agent. */
    public void freeAgentPort() {
        try {
            agentPort.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Undoes both plans; the VM stays. */
    public void undo() {
        executor.undo(workerJournal);
        executor.undo(vmJournal);
    }

    public PodTopology topology() {
        Place pod = new Place("the pod", inVm);
        return new PodTopology(
                cluster,
                setting,
                cluster.worker(),
                seat.place(),
                new Place("the VM", vm.namespace()),
                pod,
                seat.address(),
                seat.mac(),
                vm.primary().ip(),
                vm.nics().stream().skip(1).findFirst().map(Nic::address).map(IpPrefix::address),
                spec.vxlanId(),
                PodTopology.PATIENCE,
                command -> pod.run(command.toArray(String[]::new)));
    }

    /** Its second NIC, when it has one. */
    public Optional<Nic> secondary() {
        return vm.nics().stream().skip(1).findFirst();
    }

    @Override
    public void close() {
        undo();
        freeAgentPort();
        cluster.vpc().stopVm(vm.id());
    }
}
