package io.peerpods.vpc;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.Netns;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.Nic;
import io.peerpods.vpc.model.NicRequest;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcAddresses;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.model.WorkerNode;
import io.peerpods.vpc.net.Fabric;
import io.peerpods.vpc.net.Names;
import io.peerpods.vpc.net.NamespaceLinks;
import io.peerpods.vpc.service.DnsServer;
import io.peerpods.vpc.service.EchoServer;
import io.peerpods.vpc.service.MetadataServer;
import io.peerpods.vpc.service.VpcServices;
import io.peerpods.vpc.vm.Processes;
import io.peerpods.vpc.vm.VmBoot;
import io.peerpods.vpc.vm.VmCgroups;
import io.peerpods.vpc.vm.VmRequest;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A local VPC: pod VMs made of Linux namespaces, in a simulated VPC with a simulated internet, and, where wanted, the workers of a
 * cluster. All of it is on this machine, under names that begin with the VPC's own prefix, and described by the files of one directory.
 *
 * <p>What the directory says is written before it is done, so {@link #cleanup} removes everything, also what a killed process was in the
 * middle of making. VMs outlive the process that started them. Several processes may open the same VPC. Thread-safe, but calls about
 * one VM must not overlap.
 */
public final class LocalVpc implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(LocalVpc.class);
    private static final int ECHO_PORT = 7;
    private static final int HTTP_PORT = 80;

    private final VpcFiles files;
    private final Names names;
    private final VpcSpec spec;
    private final Fabric fabric;
    private final AddressPlan addresses;
    private final ClusterNodes cluster;
    private final VpcServices services;
    private final ConcurrentHashMap<String, List<Thread>> later = new ConcurrentHashMap<>();

    private LocalVpc(VpcFiles files, VpcFiles.Identity identity) {
        this.files = files;
        this.names = new Names(identity.prefix());
        this.spec = identity.spec();
        this.fabric = new Fabric(names, spec);
        this.addresses = new AddressPlan(files, names, spec);
        this.cluster = new ClusterNodes(files, names, spec, fabric, addresses);
        files.locked(() -> {
            if (!fabric.isBuilt(files.built())) {
                fabric.build();
                fabric.ports(files.allVms(), files.allNodes());
                files.writeBuilt(fabric.identities());
            }
            return names;
        });
        this.services = VpcServices.start(listeners(identity));
    }

    /**
     * Opens the VPC of that directory, or makes it as the spec says when there is none. An existing VPC keeps its own spec.
     *
     * <p>Needs CAP_NET_ADMIN and CAP_SYS_ADMIN.
     */
    public static LocalVpc open(Path directory, VpcSpec spec) {
        VpcFiles files = new VpcFiles(directory);
        files.createDirectories();
        VpcFiles.Identity identity = files.locked(() -> {
            Optional<VpcFiles.Identity> known = files.identity();
            VpcFiles.Identity one = known.orElseGet(() -> newIdentity(spec));
            if (known.isEmpty()) {
                files.write(one);
            }
            return one;
        });
        return new LocalVpc(files, identity);
    }

    /** Whether there is a VPC in that directory. */
    public static boolean exists(Path directory) {
        return new VpcFiles(directory).identity().isPresent();
    }

    private static VpcFiles.Identity newIdentity(VpcSpec spec) {
        SecureRandom random = new SecureRandom();
        byte[] prefix = new byte[3];
        byte[] key = new byte[32];
        random.nextBytes(prefix);
        random.nextBytes(key);
        return new VpcFiles.Identity(
                "pp" + HexFormat.of().formatHex(prefix), Base64.getEncoder().encodeToString(key), spec);
    }

    private List<Supplier<VpcServices.Listener>> listeners(VpcFiles.Identity identity) {
        Path router = routerNamespace();
        Path internet = internetNamespace();
        List<Supplier<VpcServices.Listener>> listeners = new ArrayList<>();
        if (spec.behaviour().metadata()) {
            listeners.add(() -> MetadataServer.start(spec, identity.metadataKey(), router, this::byAddress));
        }
        listeners.add(() -> {
            DnsServer dns = DnsServer.start(router, VpcAddresses.DNS, Map.of("internet.example", Fabric.INTERNET));
            return dns::close;
        });
        for (int port : List.of(ECHO_PORT, HTTP_PORT)) {
            listeners.add(() -> {
                EchoServer echo = EchoServer.start(internet, Fabric.INTERNET, port);
                return echo::close;
            });
        }
        return listeners;
    }

    public VpcSpec spec() {
        return spec;
    }

    public Path directory() {
        return files.directory();
    }

    /** What begins the name of every namespace of the VPC. */
    public String prefix() {
        return names.prefix();
    }

    /** The namespace with the bridges of the VPC. */
    public Path vpcNamespace() {
        return Names.file(names.vpc());
    }

    /** The namespace of the VPC's router. */
    public Path routerNamespace() {
        return Names.file(names.router());
    }

    /** The namespace that plays the internet. */
    public Path internetNamespace() {
        return Names.file(names.internet());
    }

    /** A host on the internet: TCP and UDP ports 7 and 80 tell the client its address and echo; its name is internet.example. */
    public InetAddress internetHost() {
        return Fabric.INTERNET;
    }

    /**
     * Starts a VM and returns when it has its NICs and starts its programs, after the boot delay if there is one. A VM of that id that
     * was started already is returned as it is; one whose start was interrupted is started anew.
     *
     * <p>After a failure {@link #stopVm} removes what there is.
     *
     * @throws IllegalArgumentException when the request cannot work: a subnet that does not exist, an address in use
     */
    public Vm startVm(VmRequest request) {
        Vm vm = files.locked(() -> files.vm(request.id()).orElseGet(() -> define(request)));
        if (vm.booted()) {
            return vm;
        }
        endInterruptedStart(vm);
        NamespaceLinks.make(names.vm(vm.id())).close();
        files.locked(() -> {
            fabric.ports(files.allVms(), files.allNodes());
            return vm;
        });
        VmBoot boot = VmBoot.start(vm, request.image(), request.bootDelay());
        vm.attachedNics().forEach(nic -> fabric.plug(vm, nic));
        boot.go();
        scheduleNics(vm);
        return change(vm, Vm::asBooted);
    }

    private static void endInterruptedStart(Vm vm) {
        if (Netns.exists(vm.namespace())) {
            Processes.end(VmBoot.inode(vm.namespace()));
        }
    }

    private void scheduleNics(Vm vm) {
        for (Nic nic : vm.nics()) {
            if (!nic.attached() && !nic.arrival().equals(NicRequest.NEVER)) {
                after(vm, nic.arrival(), nic.name() + " of VM " + vm.id(), () -> attach(vm, nic));
            }
        }
    }

    /**
     * Attaches a further NIC to a VM that is there, as AttachNetworkInterface does: the metadata service lists it from now on.
     *
     * @throws IllegalArgumentException when there is no such VM, subnet or address
     */
    public Vm attachNic(String id, NicRequest wanted) {
        Vm vm = files.locked(() -> {
            Vm known = known(id);
            Vm more = known.withNic(
                    addresses.define(id, known.index(), known.nics().size(), wanted, addresses.taken()));
            files.write(more);
            return more;
        });
        attach(vm, vm.nics().getLast());
        return known(id);
    }

    private Vm known(String id) {
        return files.vm(id).orElseThrow(() -> new IllegalArgumentException("no VM " + id + " in " + directory()));
    }

    private void attach(Vm vm, Nic nic) {
        Vm changed = change(vm, known -> known.withAttached(nic.device()));
        files.locked(() -> {
            fabric.ports(files.allVms(), files.allNodes());
            return changed;
        });
        fabric.plug(changed, nic);
    }

    private Vm change(Vm vm, java.util.function.UnaryOperator<Vm> how) {
        return files.locked(() -> {
            Vm known = files.vm(vm.id())
                    .filter(other -> other.launched().equals(vm.launched()))
                    .orElseThrow(() -> new IllegalStateException("VM " + vm.id() + " was stopped meanwhile"));
            Vm changed = how.apply(known);
            files.write(changed);
            return changed;
        });
    }

    /** What is still to come when the process ends is lost; the next {@link #startVm} of the VM begins anew. */
    private void after(Vm vm, Duration delay, String what, Runnable work) {
        Thread thread = Thread.ofVirtual().name("vpc-" + vm.id()).unstarted(() -> {
            try {
                Thread.sleep(delay);
                work.run();
            } catch (InterruptedException e) {
                LOG.debug("{}: stopped before it came", what);
            } catch (RuntimeException | Error e) {
                LOG.warn("{}: {}", what, e.toString());
            }
        });
        later.computeIfAbsent(vm.id(), id -> new ArrayList<>()).add(thread);
        thread.start();
    }

    /**
     * Ends the VM: its processes, with everything they made in namespaces of their own, its NICs, its files. Nothing there is fine.
     */
    public void stopVm(String id) {
        List<Thread> threads = Objects.requireNonNullElse(later.remove(id), List.of());
        threads.forEach(Thread::interrupt);
        Path namespace = Names.file(names.vm(id));
        if (Netns.exists(namespace)) {
            Processes.end(VmBoot.inode(namespace));
        }
        VmCgroups.remove(names.vm(id));
        files.locked(() -> {
            Optional<Vm> vm = files.vm(id);
            vm.ifPresentOrElse(fabric::unplug, () -> Netns.delete(names.vm(id)));
            files.removeVm(id);
            fabric.ports(files.allVms(), files.allNodes());
            return id;
        });
    }

    public Optional<Vm> vm(String id) {
        return files.vm(id);
    }

    /** All VMs, whatever became of their programs. */
    public List<Vm> vms() {
        return files.allVms();
    }

    /** Whether the VM's first process lives. */
    public boolean isRunning(String id) {
        Path namespace = Names.file(names.vm(id));
        return Netns.exists(namespace)
                && Processes.init(VmBoot.inode(namespace)).isPresent();
    }

    /** Runs a program in the VM, in all its namespaces. Its streams are pipes; the caller reads them and waits. */
    public Process execInVm(String id, String... command) {
        return VmBoot.exec(known(id), List.of(command));
    }

    /** Runs a program in a network namespace, such as a worker's. Its streams are pipes; the caller reads them and waits. */
    public Process execIn(Path namespace, String... command) {
        try (Netns netns = Netns.open(namespace)) {
            return netns.<Process, IOException>run(
                    () -> new ProcessBuilder(command).directory(new File("/")).start());
        } catch (IOException e) {
            throw new UncheckedIOException("run " + command[0] + " in " + namespace, e);
        }
    }

    /**
     * A worker of the cluster with a pod network of its own, routes to the other workers' and a default route to the internet. The same
     * name gives the same worker again.
     *
     * @param podCidr a part of 10.244.0.0/16; the worker's bridge cni0 has its first address
     */
    public WorkerNode worker(String name, InetAddress address, IpPrefix podCidr) {
        return cluster.worker(name, address, podCidr);
    }

    /**
     * Cables the namespace of this process to the VPC, as a worker of that address. It gets one link, named as the VPC's prefix, and the
     * route to the subnet; nothing else of it changes.
     */
    public WorkerNode attachThisMachine(String name, InetAddress address) {
        return cluster.attachThisMachine(name, address);
    }

    /**
     * An ordinary pod of the cluster on that worker. The same name gives the same pod again.
     *
     * @param mtu of its eth0
     */
    public ClusterPod clusterPod(WorkerNode node, String name, InetAddress address, int mtu) {
        return cluster.pod(node, name, address, mtu);
    }

    /** Removes the pod; nothing there is fine. */
    public void removeClusterPod(String name) {
        cluster.removePod(name);
    }

    public List<WorkerNode> workers() {
        return files.allNodes();
    }

    public List<ClusterPod> clusterPods() {
        return files.allPods();
    }

    private Vm define(VmRequest request) {
        int index = AddressPlan.freeIndex(files.allVms().stream().map(Vm::index).toList());
        Set<InetAddress> taken = addresses.taken();
        List<Nic> nics = new ArrayList<>();
        for (NicRequest wanted : request.nics()) {
            Nic nic = addresses.define(request.id(), index, nics.size(), wanted, taken);
            taken.add(nic.ip());
            nics.add(nic);
        }
        Vm vm = new Vm(
                request.id(),
                index,
                request.hostname(),
                nics,
                request.userData(),
                request.metadata(),
                request.tags(),
                Names.file(names.vm(request.id())),
                files.vmDirectory(request.id()),
                Instant.now(),
                false);
        files.write(vm);
        return vm;
    }

    private Optional<Vm> byAddress(InetAddress address) {
        return files.allVms().stream()
                .filter(vm ->
                        vm.attachedNics().stream().anyMatch(nic -> nic.ip().equals(address)))
                .findFirst();
    }

    /** Lets go of the VPC: VMs and network stay, services go to another process that has the VPC open. */
    @Override
    public void close() {
        later.values().forEach(threads -> threads.forEach(Thread::interrupt));
        services.close();
    }

    /**
     * Removes the VPC of that directory with everything in it, in whatever state a process left it. No VPC there is fine.
     *
     * @return what there was, one line a thing
     */
    public static List<String> cleanup(Path directory) {
        return VpcCleanup.remove(directory);
    }
}
