package io.peerpods.network;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Neighbour;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.NetnsRef;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Looks at what the CNI made in a pod's namespace on the worker, and makes the {@link PodNetworkSpec} of it. Changes nothing. */
public final class WorkerInspection {
    private WorkerInspection() {}

    /**
     * What is looked at, and what the configuration adds.
     *
     * @param netnsPath the pod's namespace; {@code /var/run/netns/x} may be at {@code /run/netns/x} here
     * @param podName the pod in messages, as {@code namespace/name}
     * @param hostInterface the worker's NIC for tunnels; empty for that of its default route
     * @param alwaysByTunnel the destinations of {@code pod-subnet-cidrs}
     * @param externalNetwork whether the pod's way to the rest of the world is the VM's second NIC
     */
    public record Request(
            String netnsPath,
            String podName,
            String hostInterface,
            PodSubnetCidrs alwaysByTunnel,
            boolean externalNetwork,
            PodNetworkSpec.Options options) {}

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
        WorkerUnderlay underlay = WorkerUnderlay.find(request.hostInterface(), worker);
        try (Netns netns = Netns.open(request.netnsPath());
                Netns own = worker.isOwn() ? Netns.current() : Netns.open(worker.path());
                Rtnl rtnl = Rtnl.open(netns)) {
            if (netns.identity().equals(own.identity())) {
                throw new PodNetworkException(pod + ": the network namespace " + request.netnsPath()
                        + " is the node's own (hostNetwork): a pod on a VM of its own cannot share it");
            }
            return new Namespace(request, pod, Kernel.look(rtnl), rtnl.neighbours()).describe(underlay);
        } catch (LinuxException | UncheckedIOException e) {
            throw new PodNetworkException(pod + ": cannot inspect its network: " + e.getMessage(), e);
        }
    }

    /** A pod's namespace as it was found. */
    record Namespace(Request request, String pod, Kernel kernel, List<Neighbour> neighbours) {

        Result describe(WorkerUnderlay underlay) throws PodNetworkException {
            Optional<Route> defaultRoute = kernel.defaults().stream().findFirst();
            Link link = primary(defaultRoute);
            LinkAddress address = onlyAddress(link);
            MacAddress mac = link.mac();
            if (mac == null) {
                throw new PodNetworkException(pod + ": its interface " + link.name()
                        + " has no hardware address, so a tunnel cannot take its place");
            }
            @Nullable
            InetAddress gateway = defaultRoute
                    .filter(route -> route.link() == link.index())
                    .map(Route::gateway)
                    .orElse(null);
            PodNetworkSpec spec = new PodNetworkSpec(
                    new PodInterface(link.name(), mac, link.mtu(), List.of(address.prefix())),
                    underlay.address(),
                    PodNetworkSpec.VXLAN,
                    routes(link, gateway),
                    permanentNeighbours(link),
                    0,
                    PodNetworkSpec.DEFAULT_VXLAN_PORT,
                    0,
                    underlay.dedicated(),
                    request.externalNetwork(),
                    request.options());
            return new Result(spec, warnings(link));
        }

        private Link primary(Optional<Route> defaultRoute) throws PodNetworkException {
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

        private List<Link> addressed() {
            return kernel.links().stream()
                    .filter(link -> !link.loopback() && !kernel.ipv4(link).isEmpty())
                    .toList();
        }

        private LinkAddress onlyAddress(Link link) throws PodNetworkException {
            List<LinkAddress> addresses = kernel.ipv4(link);
            if (addresses.size() == 1) {
                return addresses.getFirst();
            }
            throw new PodNetworkException(pod + ": its interface " + link.name() + " has "
                    + (addresses.isEmpty()
                            ? "no IPv4 address; IPv4 is what its VM's tunnel carries now"
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

        private List<PodRoute> routes(Link link, @Nullable InetAddress gateway) {
            List<PodRoute> routes = new ArrayList<>(kernel.routes().stream()
                    .filter(route -> route.link() == link.index()
                            && route.type() == RouteType.UNICAST
                            && route.destination().isIpv4())
                    .sorted(Comparator.comparing(
                                    (Route route) ->
                                            route.destination().address().getAddress(),
                                    Arrays::compareUnsigned)
                            .thenComparingInt(route -> route.destination().length())
                            .thenComparingLong(route -> Integer.toUnsignedLong(route.metric())))
                    .map(route -> new PodRoute(
                            route.destination(),
                            route.gateway(),
                            link.name(),
                            protocol(route.protocol()),
                            route.scope() == RouteScope.UNIVERSE
                                    ? ""
                                    : route.scope().toString(),
                            route.metric(),
                            route.onlink()))
                    .toList());
            for (IpPrefix network : request.alwaysByTunnel().networks()) {
                if (network.isIpv4()
                        && routes.stream()
                                .noneMatch(route -> route.destination().equals(network))) {
                    routes.add(
                            new PodRoute(network, gateway, link.name(), "", gateway == null ? "link" : "", 0, false));
                }
            }
            return routes;
        }

        // Routing daemons have numbers of their own; in the VM nobody of that name is at work.
        private static String protocol(int number) {
            return switch (number) {
                case Route.PROTOCOL_KERNEL -> "kernel";
                case Route.PROTOCOL_BOOT -> "boot";
                case Route.PROTOCOL_DHCP -> "dhcp";
                default -> "static";
            };
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
