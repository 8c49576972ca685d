package io.peerpods.network.worker;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Neighbour;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.kernel.Kernel;
import io.peerpods.network.spec.PodInterface;
import io.peerpods.network.spec.PodNeighbour;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Looks at what the CNI made in a pod's namespace on the worker, and makes the {@link PodNetworkSpec} of it. Changes nothing. */
public final class WorkerInspection {
    /** What container runtimes call the interface of a pod that its status speaks of. */
    private static final String POD_INTERFACE = "eth0";

    private WorkerInspection() {}

    /**
     * What is looked at, and what the configuration adds.
     *
     * @param netnsPath the pod's namespace; {@code /var/run/netns/x} may be at {@code /run/netns/x} here
     * @param podName the pod in messages, as {@code namespace/name}
     * @param hostInterface the worker's NIC for tunnels; empty for that of its default route
     * @param workerAddress this worker's address in the network of its VMs where the cloud provider knows it, else null
     * @param alwaysByTunnel the destinations of {@code pod-subnet-cidrs}
     * @param externalNetwork whether the pod's way to the rest of the world is the VM's second NIC
     */
    public record Request(
            String netnsPath,
            String podName,
            String hostInterface,
            @Nullable InetAddress workerAddress,
            PodSubnetCidrs alwaysByTunnel,
            boolean externalNetwork,
            PodNetworkSpec.Options options) {

        /** On a worker whose own routes say where its VMs are. */
        public Request(
                String netnsPath,
                String podName,
                String hostInterface,
                PodSubnetCidrs alwaysByTunnel,
                boolean externalNetwork,
                PodNetworkSpec.Options options) {
            this(netnsPath, podName, hostInterface, null, alwaysByTunnel, externalNetwork, options);
        }
    }

    /**
     * What was found.
     *
     * @param spec without the tunnel's port and VNI, see {@link PodNetworkSpec#withTunnel}
     * @param warnings what of the pod's network its VM will not have, one line each, naming the pod
     */
    public record Result(PodNetworkSpec spec, List<String> warnings) {}

    /** Looks, with this process's namespace as the worker's. */
    public static Result inspect(Request request) throws PodNetworkException {
        return inspect(request, NetnsRef.OWN);
    }

    /**
     * Looks.
     *
     * @param worker the worker's own namespace
     * @throws PodNetworkException naming the pod, what is wrong with its network, and the way out
     */
    public static Result inspect(Request request, NetnsRef worker) throws PodNetworkException {
        String pod = "pod " + request.podName();
        if (request.netnsPath().isEmpty()) {
            throw new PodNetworkException(
                    pod + " has no network namespace of its own (hostNetwork): a pod on a VM of its own"
                            + " cannot share its node's network; remove hostNetwork or the runtime class");
        }
        if (!request.netnsPath().startsWith("/")) {
            throw new PodNetworkException(
                    pod + ": the network namespace \"" + request.netnsPath() + "\" is not an absolute path");
        }
        WorkerUnderlay underlay = WorkerUnderlay.find(request.hostInterface(), request.workerAddress(), worker);
        try (Netns netns = Netns.open(request.netnsPath());
                Netns own = worker.open();
                Rtnl rtnl = Rtnl.open(netns)) {
            if (netns.identity().equals(own.identity())) {
                throw new PodNetworkException(pod + ": the network namespace " + request.netnsPath()
                        + " is the node's own (hostNetwork): a pod on a VM of its own cannot share it");
            }
            List<Route> routes = rtnl.routes();
            Kernel kernel = new Kernel(
                    rtnl.links(),
                    rtnl.addresses(),
                    routes.stream()
                            .filter(route -> route.table() == Tables.MAIN)
                            .toList());
            Namespace namespace = new Namespace(request, pod, kernel, rtnl.neighbours());
            Result result = namespace.describe(underlay);
            List<String> warnings = new ArrayList<>(result.warnings());
            PolicyRouting.check(pod, namespace.primary(), rtnl.rules(), routes).ifPresent(warnings::add);
            boolean bridged = mayBeBridged(namespace.primary(), worker);
            return new Result(result.spec().withBridged(bridged), warnings);
        } catch (LinuxException | UncheckedIOException e) {
            throw new PodNetworkException(pod + ": cannot inspect its network: " + e.getMessage(), e);
        }
    }

    /** Whether the pod's interface is one end of a pair whose other end is a port of a bridge, or is not to be seen from here. */
    private static boolean mayBeBridged(Link pod, NetnsRef worker) {
        if (!pod.kind().equals("veth")) {
            return false;
        }
        try (Rtnl rtnl = worker.openRtnl()) {
            Optional<Link> other = rtnl.link(pod.lower())
                    // The number may be that of another link: that of the pair is in yet another namespace then.
                    .filter(link -> link.kind().equals("veth") && link.lower() == pod.index());
            return other.isEmpty()
                    || (other.get().master() != 0
                            && rtnl.link(other.get().master())
                                    .filter(master -> !master.kind().equals("bridge"))
                                    .isEmpty());
        }
    }

    /** A pod's namespace as it was found. */
    record Namespace(Request request, String pod, Kernel kernel, List<Neighbour> neighbours) {

        Result describe(WorkerUnderlay underlay) throws PodNetworkException {
            Link link = primary();
            LinkAddress address = onlyAddress(link);
            MacAddress mac = link.mac();
            if (mac == null) {
                throw new PodNetworkException(pod + ": its interface " + link.name()
                        + " has no hardware address, so a tunnel cannot take its place");
            }
            PodNetworkSpec spec = new PodNetworkSpec(
                    new PodInterface(link.name(), mac, link.mtu(), List.of(address.prefix())),
                    underlay.address(),
                    PodNetworkSpec.VXLAN,
                    new InspectedRoutes(pod, link, address.prefix().address(), kernel.routes())
                            .with(request.alwaysByTunnel()),
                    permanentNeighbours(link),
                    0,
                    PodNetworkSpec.DEFAULT_VXLAN_PORT,
                    0,
                    underlay.dedicated(),
                    request.externalNetwork(),
                    request.options());
            return new Result(spec, warnings(link));
        }

        /**
         * The interface whose addresses are the pod's (status.podIPs): container runtimes take those of eth0, whatever else there is. Where
         * none has that name it is that of the default route.
         */
        Link primary() throws PodNetworkException {
            Optional<Link> eth0 = kernel.link(POD_INTERFACE)
                    .filter(link ->
                            !podAddresses(link).isEmpty() || !kernel.ipv6(link).isEmpty());
            if (eth0.isPresent()) {
                return eth0.get();
            }
            Optional<Route> defaultRoute = kernel.defaults().stream().findFirst();
            if (defaultRoute.isPresent()) {
                return kernel.link(defaultRoute.get().link())
                        .orElseThrow(
                                () -> new PodNetworkException(pod + ": its default route's interface has just gone"));
            }
            List<Link> candidates = addressed();
            if (candidates.size() != 1) {
                throw new PodNetworkException(pod + ": " + request.netnsPath() + " has no default route and "
                        + (candidates.isEmpty()
                                ? "no interface with an IPv4 address: has the CNI set it up?"
                                : "several interfaces with IPv4 addresses (" + names(candidates)
                                        + "): which is the pod's?"));
            }
            return candidates.getFirst();
        }

        /** Without link-local ones: those are never a pod's, but of helpers such as the IPv4 egress of IPv6 clusters. */
        private List<LinkAddress> podAddresses(Link link) {
            return kernel.ipv4(link).stream()
                    .filter(address -> !address.prefix().address().isLinkLocalAddress())
                    .toList();
        }

        private List<Link> addressed() {
            return kernel.links().stream()
                    .filter(link -> !link.loopback() && !kernel.ipv4(link).isEmpty())
                    .toList();
        }

        private LinkAddress onlyAddress(Link link) throws PodNetworkException {
            List<LinkAddress> addresses = podAddresses(link);
            if (addresses.size() == 1) {
                return addresses.getFirst();
            }
            List<LinkAddress> ipv6 = kernel.ipv6(link);
            throw new PodNetworkException(pod + ": its interface " + link.name() + " has "
                    + (addresses.isEmpty()
                            ? "no IPv4 address of a pod"
                                    + (ipv6.isEmpty() ? "" : ", only IPv6 (" + prefixes(ipv6) + ")")
                                    + "; IPv4 is what its VM's tunnel carries now: give the pod an IPv4 address (an IPv4 or"
                                    + " dual-stack cluster) or take the runtime class away"
                            : addresses.size() + " IPv4 addresses (" + prefixes(addresses)
                                    + "), and a VM takes over exactly one"));
        }

        private List<String> warnings(Link primary) {
            List<String> lost = new ArrayList<>();
            List<LinkAddress> ipv6 = kernel.ipv6(primary);
            if (!ipv6.isEmpty()) {
                lost.add("its IPv6 address (" + prefixes(ipv6) + ")");
            }
            List<Link> others = kernel.links().stream()
                    .filter(link -> link.index() != primary.index() && !link.loopback())
                    .filter(link ->
                            !kernel.ipv4(link).isEmpty() || !kernel.ipv6(link).isEmpty())
                    .toList();
            if (!others.isEmpty()) {
                lost.add("its other interfaces (" + names(others) + ")");
            }
            return lost.isEmpty()
                    ? List.of()
                    : List.of(pod + ": the VM takes over " + primary.name()
                            + " with its IPv4 address; the pod will not have " + String.join(" nor ", lost));
        }

        private List<PodNeighbour> permanentNeighbours(Link link) {
            List<PodNeighbour> permanent = new ArrayList<>();
            for (Neighbour neighbour : neighbours) {
                MacAddress mac = neighbour.mac();
                if (neighbour.link() == link.index()
                        && neighbour.isPermanent()
                        && mac != null
                        && IpAddresses.isIpv4(neighbour.ip())) {
                    permanent.add(new PodNeighbour(neighbour.ip(), mac, link.name(), "permanent"));
                }
            }
            return permanent;
        }

        private static String names(List<Link> links) {
            return String.join(", ", links.stream().map(Link::name).toList());
        }

        private static String prefixes(List<LinkAddress> addresses) {
            return String.join(
                    ", ",
                    addresses.stream()
                            .map(address -> address.prefix().toString())
                            .toList());
        }
    }
}
