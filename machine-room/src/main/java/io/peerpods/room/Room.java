package io.peerpods.room;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A machine room: pod VMs made of Linux namespaces, in a simulated VPC with a simulated internet, and, where wanted, the workers of a
 * cluster. All of it is on this machine, under names that begin with the room's own prefix, and described by the files of one directory.
 *
 * <p>What the directory says is written before it is done, so {@link #cleanup} removes everything, also what a killed process was in the
 * middle of making. VMs outlive the process that started them. Several processes may open the same room. Thread-safe, but calls about
 * one VM must not overlap.
 */
public final class Room implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Room.class);
    private static final int ECHO_PORT = 7;
    private static final int HTTP_PORT = 80;

    private final RoomFiles files;
    private final Names names;
    private final RoomSpec spec;
    private final Fabric fabric;
    private final RoomServices services;
    private final ConcurrentHashMap<String, List<Thread>> later = new ConcurrentHashMap<>();

    private Room(RoomFiles files, RoomFiles.Identity identity) {
        this.files = files;
        this.names = new Names(identity.prefix());
        this.spec = identity.spec();
        this.fabric = new Fabric(names, spec);
        files.locked(() -> {
            if (!fabric.isBuilt(files.built())) {
                fabric.build();
                fabric.ports(files.allVms(), files.allNodes());
                files.writeBuilt(fabric.identities());
            }
            return names;
        });
        this.services = RoomServices.start(listeners(identity));
    }

    /**
     * Opens the room of that directory, or makes it as the spec says when there is none. An existing room keeps its own spec.
     *
     * <p>Needs CAP_NET_ADMIN and CAP_SYS_ADMIN.
     */
    public static Room open(Path directory, RoomSpec spec) {
        RoomFiles files = new RoomFiles(directory);
        files.createDirectories();
        RoomFiles.Identity identity = files.locked(() -> {
            Optional<RoomFiles.Identity> known = files.identity();
            RoomFiles.Identity one = known.orElseGet(() -> newIdentity(spec));
            if (known.isEmpty()) {
                files.write(one);
            }
            return one;
        });
        return new Room(files, identity);
    }

    /** Whether there is a room in that directory. */
    public static boolean exists(Path directory) {
        return new RoomFiles(directory).identity().isPresent();
    }

    private static RoomFiles.Identity newIdentity(RoomSpec spec) {
        SecureRandom random = new SecureRandom();
        byte[] prefix = new byte[3];
        byte[] key = new byte[32];
        random.nextBytes(prefix);
        random.nextBytes(key);
        return new RoomFiles.Identity(
                "pp" + HexFormat.of().formatHex(prefix), Base64.getEncoder().encodeToString(key), spec);
    }

    private List<Supplier<RoomServices.Listener>> listeners(RoomFiles.Identity identity) {
        Path router = routerNamespace();
        Path internet = internetNamespace();
        List<Supplier<RoomServices.Listener>> listeners = new ArrayList<>();
        if (spec.behaviour().metadata()) {
            listeners.add(() -> MetadataService.start(spec, identity.metadataKey(), router, this::byAddress));
        }
        listeners.add(() -> {
            DnsService dns = DnsService.start(router, DnsService.ADDRESS, Map.of("internet.example", Fabric.INTERNET));
            return dns::close;
        });
        for (int port : List.of(ECHO_PORT, HTTP_PORT)) {
            listeners.add(() -> {
                EchoService echo = EchoService.start(internet, Fabric.INTERNET, port);
                return echo::close;
            });
        }
        return listeners;
    }

    public RoomSpec spec() {
        return spec;
    }

    public Path directory() {
        return files.directory();
    }

    /** What begins the name of every namespace of the room. */
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
        Space.make(names.vm(vm.id())).close();
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
            Vm more = known.withNic(define(id, known.index(), known.nics().size(), wanted, taken()));
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
        Thread thread = Thread.ofVirtual().name("room-" + vm.id()).unstarted(() -> {
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
        Path namespace = Names.file(names.node(name));
        WorkerNode node = files.locked(() -> defineNode(
                name,
                namespace,
                "eth0",
                address,
                Objects.requireNonNull(podCidr, "podCidr").network()));
        connect(node);
        files.locked(() -> {
            new Cluster(names).build(node, files.allNodes());
            return node;
        });
        return node;
    }

    /**
     * Cables the namespace of this process to the VPC, as a worker of that address. It gets one link, named as the room's prefix, and the
     * route to the subnet; nothing else of it changes.
     */
    public WorkerNode attachThisMachine(String name, InetAddress address) {
        WorkerNode node = files.locked(() -> defineNode(name, Path.of(""), names.attachedLink(), address, null));
        connect(node);
        return node;
    }

    private void connect(WorkerNode node) {
        files.locked(() -> {
            fabric.ports(files.allVms(), files.allNodes());
            fabric.connect(node);
            return node;
        });
    }

    /**
     * An ordinary pod of the cluster on that worker. The same name gives the same pod again.
     *
     * @param mtu of its eth0
     */
    public ClusterPod clusterPod(WorkerNode node, String name, InetAddress address, int mtu) {
        IpPrefix pods = Objects.requireNonNull(node.podCidr(), "the worker has no pod network");
        return files.locked(() -> {
            ClusterPod pod = files.pod(name).orElseGet(() -> {
                ClusterPod fresh = new ClusterPod(
                        name,
                        freeIndex(
                                files.allPods().stream().map(ClusterPod::index).toList()),
                        node.name(),
                        Names.file(names.pod(name)),
                        new IpPrefix(address, pods.length()),
                        names.mac("pod " + name),
                        mtu);
                files.write(fresh);
                return fresh;
            });
            new Cluster(names).add(pod, node);
            return pod;
        });
    }

    /** Removes the pod; nothing there is fine. */
    public void removeClusterPod(String name) {
        files.locked(() -> {
            Optional<ClusterPod> pod = files.pod(name);
            if (pod.isPresent()) {
                Optional<WorkerNode> node = files.node(pod.get().worker());
                node.ifPresent(known -> new Cluster(names).remove(pod.get(), known));
                files.removePod(name);
            }
            return name;
        });
    }

    public List<WorkerNode> workers() {
        return files.allNodes();
    }

    public List<ClusterPod> clusterPods() {
        return files.allPods();
    }

    private WorkerNode defineNode(
            String name,
            Path namespace,
            String link,
            InetAddress address,
            @org.jspecify.annotations.Nullable IpPrefix podCidr) {
        Optional<WorkerNode> known = files.node(name);
        if (known.isPresent()) {
            return known.get();
        }
        int subnet = subnetOf(address);
        requireFree(address);
        WorkerNode node = new WorkerNode(
                name,
                freeIndex(files.allNodes().stream().map(WorkerNode::index).toList()),
                namespace,
                link,
                names.mac("node " + name),
                spec.subnets().get(subnet).prefix(address),
                subnet,
                podCidr);
        files.write(node);
        return node;
    }

    private Vm define(VmRequest request) {
        int index = freeIndex(files.allVms().stream().map(Vm::index).toList());
        Set<InetAddress> taken = taken();
        List<Nic> nics = new ArrayList<>();
        for (NicRequest wanted : request.nics()) {
            Nic nic = define(request.id(), index, nics.size(), wanted, taken);
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

    private Nic define(String id, int index, int device, NicRequest wanted, Set<InetAddress> taken) {
        if (wanted.subnet() < 0 || wanted.subnet() >= spec.subnets().size()) {
            throw new IllegalArgumentException("the room has no subnet " + wanted.subnet() + ", only "
                    + spec.subnets().size() + ", counted from 0");
        }
        Subnet subnet = spec.subnets().get(wanted.subnet());
        InetAddress address = wanted.address();
        if (address == null) {
            address = freeAddress(subnet, taken);
        } else if (!subnet.cidr().contains(address) || taken.contains(address)) {
            throw new IllegalArgumentException(IpAddresses.text(address) + " is "
                    + (taken.contains(address) ? "in use" : "not in " + subnet.cidr()));
        }
        MacAddress mac = wanted.mac();
        return new Nic(
                "ens" + (5 + device),
                device,
                wanted.subnet(),
                mac == null ? names.mac(id + " " + device) : mac,
                subnet.prefix(address),
                subnet.gateway(),
                "v" + index + "n" + device,
                wanted.arrival(),
                wanted.arrival().isZero());
    }

    private Set<InetAddress> taken() {
        Set<InetAddress> taken = new HashSet<>();
        spec.subnets().forEach(subnet -> taken.add(subnet.gateway()));
        files.allNodes().forEach(node -> taken.add(node.ip()));
        files.allVms().forEach(vm -> vm.nics().forEach(nic -> taken.add(nic.ip())));
        return taken;
    }

    private void requireFree(InetAddress address) {
        if (taken().contains(address)) {
            throw new IllegalArgumentException(IpAddresses.text(address) + " is in use in this room");
        }
    }

    /** Past the first few, which EC2 keeps for itself and people give to workers. */
    private static InetAddress freeAddress(Subnet subnet, Set<InetAddress> taken) {
        long first = subnet.size() > 1024 ? 258 : Math.min(10, subnet.size() / 4);
        for (long offset = first; offset < subnet.size() - 1; offset++) {
            InetAddress address = subnet.host(offset);
            if (!taken.contains(address)) {
                return address;
            }
        }
        throw new NoFreeAddressException("subnet " + subnet.cidr() + " has no free address");
    }

    private int subnetOf(InetAddress address) {
        for (int i = 0; i < spec.subnets().size(); i++) {
            if (spec.subnets().get(i).cidr().contains(address)) {
                return i;
            }
        }
        throw new IllegalArgumentException(
                IpAddresses.text(address) + " is in none of the room's subnets " + spec.subnets());
    }

    private static int freeIndex(List<Integer> used) {
        int index = 0;
        while (used.contains(index)) {
            index++;
        }
        return index;
    }

    private Optional<Vm> byAddress(InetAddress address) {
        return files.allVms().stream()
                .filter(vm ->
                        vm.attachedNics().stream().anyMatch(nic -> nic.ip().equals(address)))
                .findFirst();
    }

    /** Lets go of the room: VMs and network stay, services go to another process that has the room open. */
    @Override
    public void close() {
        later.values().forEach(threads -> threads.forEach(Thread::interrupt));
        services.close();
    }

    /**
     * Removes the room of that directory with everything in it, whoever made it and whatever interrupted that. No room there is fine.
     *
     * @return what there was, one line a thing
     */
    public static List<String> cleanup(Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        RoomFiles files = new RoomFiles(directory);
        return files.locked(() -> {
            List<String> removed = new ArrayList<>();
            Optional<RoomFiles.Identity> identity = files.identity();
            if (identity.isPresent()) {
                remove(new Names(identity.get().prefix()), removed);
                removed.add("room " + directory);
            }
            files.removeEverything();
            return removed;
        });
    }

    private static void remove(Names names, List<String> removed) throws IOException {
        List<String> namespaces = namespaces(names.prefix() + "-");
        for (String name : namespaces) {
            if (name.startsWith(names.vms()) && Netns.exists(Names.file(name))) {
                Processes.end(VmBoot.inode(Names.file(name)));
                VmCgroups.remove(name);
            }
        }
        if (Netns.exists(Names.file(names.vpc()))) {
            // Cables first: they end in other namespaces, this machine's own among them, which would let go of them
            // later.
            try (Space vpc = Space.open(Names.file(names.vpc()))) {
                vpc.removeCables();
            }
        }
        for (String name : namespaces) {
            Netns.delete(name);
            removed.add("namespace " + name);
        }
    }

    private static List<String> namespaces(String prefix) throws IOException {
        if (!Files.isDirectory(Netns.NAMED)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(Netns.NAMED)) {
            return all.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith(prefix))
                    .sorted()
                    .toList();
        }
    }
}
