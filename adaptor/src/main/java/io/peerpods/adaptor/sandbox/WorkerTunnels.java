package io.peerpods.adaptor.sandbox;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.PodVm;
import io.peerpods.cloud.SandboxId;
import io.peerpods.daemon.OutsideText;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NftablesReader;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.OpException;
import io.peerpods.linux.op.Plan;
import io.peerpods.linux.sys.NativeThreads;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.Ownership;
import io.peerpods.network.worker.CarriedTunnels;
import io.peerpods.network.worker.ForeignVxlan;
import io.peerpods.network.worker.PodSubnetCidrs;
import io.peerpods.network.worker.TunnelProbe;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerGuards;
import io.peerpods.network.worker.WorkerInspection;
import io.peerpods.network.worker.WorkerPlan;
import io.peerpods.network.worker.WorkerUnderlay;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker's half of each sandbox's tunnel: looked at, built, compared, removed. What was done is in a journal a sandbox, so that a
 * later process removes it too. Calls for one sandbox never overlap; the sandbox sees to that.
 */
public final class WorkerTunnels implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(WorkerTunnels.class);
    private static final String JOURNAL = ".journal";
    /** PATH_MAX of Linux without its NUL. */
    private static final int LONGEST_PATH = 4095;

    /**
     * What the configuration says of all tunnels.
     *
     * @param hostInterface the worker's NIC, empty for that of its default route
     */
    public record Options(
            String hostInterface,
            PodSubnetCidrs alwaysByTunnel,
            boolean externalNetwork,
            int agentPort,
            PodNetworkSpec.Options network) {}

    /** Tells this worker's address in the network of its VMs: {@link io.peerpods.cloud.CloudProvider#workerAddress}. */
    @FunctionalInterface
    public interface WorkerAddress {
        Optional<InetAddress> get() throws CloudException, InterruptedException;
    }

    /** A pod's network as it was found, and which namespace that was. */
    record Found(PodNetworkSpec spec, String identity) {}

    private final Path journals;
    private final String table;
    private final Executor executor;
    private final Options options;
    private final WorkerAddress address;
    private final WorkerGuards guards;

    private WorkerTunnels(Path journals, String table, Executor executor, Options options, WorkerAddress address) {
        this.journals = journals;
        this.table = table;
        this.executor = executor;
        this.options = options;
        this.address = address;
        this.guards = new WorkerGuards(executor, NetnsRef.OWN);
    }

    /** With journals in the state directory, which exists. */
    public static WorkerTunnels open(Path stateDirectory, Executor executor, Options options, WorkerAddress address)
            throws IOException {
        Path journals = stateDirectory.resolve("journals");
        Files.createDirectories(
                journals, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        return new WorkerTunnels(journals, Ownership.workerTable(stateDirectory), executor, options, address);
    }

    /**
     * Looks at what the CNI made in the pod's namespace.
     *
     * @throws StatusException INVALID_ARGUMENT naming the pod and what is wrong; UNAVAILABLE when the provider could not put this worker
     *     into the network of its VMs
     */
    Found inspect(SandboxId id, String netnsPath, String pod) throws StatusException {
        requirePath(id, netnsPath, pod);
        WorkerInspection.Request request = new WorkerInspection.Request(
                netnsPath,
                pod,
                options.hostInterface(),
                workerAddress(id),
                options.alwaysByTunnel(),
                options.externalNetwork(),
                options.network());
        try {
            // On one of the native threads as a whole: a dozen small requests need no change of threads each.
            WorkerInspection.Result result = NativeThreads.<WorkerInspection.Result, PodNetworkException>call(
                    () -> WorkerInspection.inspect(request));
            result.warnings().forEach(warning -> log.warn("{}", warning));
            return new Found(
                    result.spec(),
                    identity(netnsPath)
                            .orElseThrow(() -> new PodNetworkException(
                                    "pod " + pod + ": its network namespace " + netnsPath + " has just gone")));
        } catch (PodNetworkException | LinuxException e) {
            throw Status.INVALID_ARGUMENT
                    .withDescription("sandbox " + id + ": " + e.getMessage())
                    .withCause(e)
                    .asException();
        }
    }

    private static void requirePath(SandboxId id, String netnsPath, String pod) throws StatusException {
        if (netnsPath.length() > LONGEST_PATH || !OutsideText.isPrintable(netnsPath)) {
            throw SandboxIds.invalid("sandbox " + id + ": pod " + pod + ": its network namespace \""
                    + OutsideText.shown(netnsPath) + "\" is no path: it is longer than " + LONGEST_PATH
                    + " characters, or some are not printable");
        }
    }

    private @Nullable InetAddress workerAddress(SandboxId id) throws StatusException {
        try {
            return address.get().orElse(null);
        } catch (CloudException e) {
            throw Status.UNAVAILABLE
                    .withDescription("sandbox " + id + ": " + e.getMessage())
                    .withCause(e)
                    .asException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Status.CANCELLED.withDescription("CreateVM was interrupted").asException();
        }
    }

    /** Whether the pod's namespace is still there; true when that cannot be found out. */
    boolean isPresent(SandboxRow row) {
        return isPresent(row.netns(), row.netnsIdentity());
    }

    /** As {@link #isPresent(SandboxRow)}, by path and identity. */
    boolean isPresent(String netns, String netnsIdentity) {
        try {
            return identity(netns).filter(netnsIdentity::equals).isPresent();
        } catch (UncheckedIOException e) {
            return true;
        }
    }

    /** Device and inode of a namespace, as {@link Netns.Identity} writes them; empty when there is none. */
    private static Optional<String> identity(String netns) {
        for (Path path : paths(netns)) {
            try {
                Map<String, Object> attributes = Files.readAttributes(path, "unix:dev,ino");
                return Optional.of(attributes.get("dev") + ":" + attributes.get("ino"));
            } catch (NoSuchFileException e) {
                log.debug("no {}", path);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return Optional.empty();
    }

    private static Set<Path> paths(String netns) {
        Set<Path> paths = new TreeSet<>(Set.of(Path.of(netns)));
        if (netns.startsWith("/var/run/")) {
            paths.add(Path.of(netns.substring("/var".length())));
        }
        return paths;
    }

    private Plan plan(SandboxRow row, PodVm vm) throws PodNetworkException {
        VmPeer peer = new VmPeer(vm.tunnel(), vm.addresses(), options.agentPort());
        return WorkerPlan.of(
                row.id().value(),
                NetnsRef.of(row.netns()),
                row.network(),
                peer,
                new WorkerPlan.Place(NetnsRef.OWN, table));
    }

    /**
     * Whether a tunnel of that sandbox can come up beside the vxlans of others.
     *
     * @throws PodNetworkException naming the one that keeps it from its port, and the way out
     */
    void requireUsablePort(SandboxRow row) throws PodNetworkException {
        Optional<String> conflict = ForeignVxlan.conflict(row.network(), NetnsRef.OWN);
        if (conflict.isPresent()) {
            throw new PodNetworkException(conflict.get());
        }
    }

    /** Builds what is missing of the tunnel; all of it being there is success. From then on its nft rules are put back when they go. */
    void build(SandboxRow row, PodVm vm) throws PodNetworkException {
        Plan plan = plan(row, vm);
        guards.forget(row.id().value());
        try {
            executor.apply(plan, Journal.open(journal(row.id())));
            guards.watch(row.id().value(), plan);
        } catch (OpException e) {
            requireUsablePort(row);
            if (e.getCause() instanceof LinuxException refused && refused.isExisting()) {
                throw new PodNetworkException(
                        e.getMessage() + "; VNI " + row.vni() + " on UDP port "
                                + row.network().vxlanPort()
                                + " is in use by another program: use another -vxlan-min-id (VXLAN_MIN_ID) or -vxlan-port (VXLAN_PORT)",
                        e);
            }
            throw e;
        }
    }

    /** Puts the nft rules of a tunnel back when they go, as after {@link #build}: for one that an earlier process built. */
    void guard(SandboxRow row, PodVm vm) throws PodNetworkException {
        guards.watch(row.id().value(), plan(row, vm));
    }

    /** How often nft rules of a sandbox have been put back. */
    long guardRepairs() {
        return guards.repairs();
    }

    /** The addresses of this worker now, see {@link WorkerUnderlay#addresses}. */
    Set<InetAddress> workerAddresses() {
        return WorkerUnderlay.addresses(NetnsRef.OWN);
    }

    /**
     * A probe of a built tunnel.
     *
     * @throws LinuxException when frames cannot be sent from there
     */
    TunnelProbe probe(SandboxRow row) {
        return TunnelProbe.open(NetnsRef.of(row.netns()), row.network());
    }

    /** What of a built tunnel is not as it was built, in words; empty when it is whole. */
    Set<String> differences(SandboxRow row, PodVm vm) throws PodNetworkException {
        Set<String> differences = new TreeSet<>();
        executor.verify(plan(row, vm)).forEach(difference -> differences.add(difference.toString()));
        return differences;
    }

    /** Removes all of a sandbox's tunnel that this or an earlier process may have made; nothing there is success. */
    void remove(SandboxId id) {
        guards.forget(id.value());
        Path file = journal(id);
        if (Files.exists(file)) {
            executor.undo(Journal.open(file));
        }
    }

    /**
     * What this machine still has of sandboxes, whichever adaptor made it.
     *
     * @param alive sandboxes whose pod is connected: the kernel has their tunnel
     * @param dead sandboxes of which only rules or a journal are left
     * @param vnis that the kernel gives to no other tunnel
     */
    record Carried(Set<SandboxId> alive, Set<SandboxId> dead, Set<Integer> vnis) {}

    /** Looks at all named namespaces, the rules of our table and the journals. */
    Carried carried() throws IOException {
        CarriedTunnels kernel = CarriedTunnels.look();
        Set<SandboxId> alive = kernel.sandboxes().stream()
                .flatMap(id -> SandboxId.tryParse(id).stream())
                .collect(Collectors.toCollection(TreeSet::new));
        Set<SandboxId> dead = traces();
        dead.removeAll(alive);
        if (!kernel.unseen().isEmpty()) {
            log.warn(
                    "the network namespaces {} cannot be looked into: sandboxes that have rules or a journal count as alive",
                    kernel.unseen());
            alive.addAll(dead);
            dead = Set.of();
        }
        Set<Integer> vnis =
                kernel.tunnels().stream().map(CarriedTunnels.Tunnel::vni).collect(Collectors.toSet());
        return new Carried(alive, dead, vnis);
    }

    private Set<SandboxId> traces() throws IOException {
        Set<SandboxId> ids = new TreeSet<>();
        try (Stream<Path> files = Files.list(journals)) {
            files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(JOURNAL))
                    .flatMap(name -> SandboxId.tryParse(name.substring(0, name.length() - JOURNAL.length())).stream())
                    .forEach(ids::add);
        }
        try (NftablesReader nftables = NftablesReader.open()) {
            if (nftables.hasTable("inet", table)) {
                nftables.rules("inet", table).stream()
                        .map(rule -> Ownership.sandboxOf(rule.comment()))
                        .flatMap(Optional::stream)
                        .map(WorkerTunnels::withoutMark)
                        .flatMap(owner -> SandboxId.tryParse(owner).stream())
                        .forEach(ids::add);
            }
        }
        return ids;
    }

    // A rule's comment is its owner and a mark of its own after a blank or '#'.
    private static String withoutMark(String owner) {
        return owner.split("[^A-Za-z0-9._-]", 2)[0];
    }

    private Path journal(SandboxId id) {
        return journals.resolve(id + JOURNAL);
    }

    /** Stops to watch; the tunnels stay. */
    @Override
    public void close() {
        guards.close();
    }
}
