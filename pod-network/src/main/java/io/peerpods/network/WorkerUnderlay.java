package io.peerpods.network;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.op.NetnsRef;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The worker's end of its tunnels.
 *
 * @param dedicated whether the NIC is another one than that of the default route
 */
public record WorkerUnderlay(String link, IpPrefix address, boolean dedicated) {

    /**
     * Finds it.
     *
     * @param hostInterface the NIC that the operator names; empty for that of the default route
     * @throws PodNetworkException when there is no such NIC or it has no IPv4 address
     */
    public static WorkerUnderlay find(String hostInterface, NetnsRef worker) throws PodNetworkException {
        Kernel kernel;
        try (Rtnl rtnl = open(worker)) {
            kernel = look(hostInterface, rtnl);
        } catch (LinuxException e) {
            throw new PodNetworkException("cannot inspect the worker's network: " + e.getMessage(), e);
        }
        return choose(hostInterface, kernel);
    }

    private static Rtnl open(NetnsRef worker) {
        if (worker.isOwn()) {
            return Rtnl.open();
        }
        try (Netns netns = Netns.open(worker.path())) {
            return Rtnl.open(netns);
        }
    }

    /** With the links that matter: a worker has one more for each pod, and every pod would wait for the list. */
    private static Kernel look(String hostInterface, Rtnl rtnl) {
        Kernel kernel = new Kernel(List.of(), rtnl.addresses(), rtnl.routes(Tables.MAIN));
        Optional<Link> primary = kernel.defaults().stream().findFirst().flatMap(route -> rtnl.link(route.link()));
        Optional<Link> named = hostInterface.isEmpty() ? Optional.empty() : rtnl.link(hostInterface);
        boolean unknown = !hostInterface.isEmpty() && named.isEmpty();
        List<Link> links = unknown
                ? rtnl.links()
                : Stream.concat(primary.stream(), named.stream()).distinct().toList();
        return new Kernel(links, kernel.addresses(), kernel.routes());
    }

    static WorkerUnderlay choose(String hostInterface, Kernel kernel) throws PodNetworkException {
        Optional<Route> defaultRoute = kernel.defaults().stream().findFirst();
        Optional<Link> primary = defaultRoute.flatMap(route -> kernel.link(route.link()));
        Link link = hostInterface.isEmpty()
                ? primary.orElseThrow(
                        () -> new PodNetworkException(
                                "the worker has no default route, so its NIC for tunnels is not known: name it (-host-interface)"))
                : kernel.link(hostInterface)
                        .orElseThrow(() -> new PodNetworkException("the worker has no interface " + hostInterface
                                + " (-host-interface); it has "
                                + String.join(
                                        ", ",
                                        kernel.links().stream().map(Link::name).toList())));
        List<LinkAddress> addresses = kernel.ipv4(link);
        if (addresses.isEmpty()) {
            throw new PodNetworkException("the worker's interface " + link.name() + " has no IPv4 address for tunnels");
        }
        // The address that packets leave with, where the default route says so; else the first.
        IpPrefix address = addresses.stream()
                .map(LinkAddress::prefix)
                .filter(prefix -> defaultRoute
                        .filter(route -> route.link() == link.index())
                        .map(route -> prefix.address().equals(route.source()))
                        .orElse(false))
                .findFirst()
                .orElse(addresses.getFirst().prefix());
        boolean dedicated = primary.isPresent() && primary.get().index() != link.index();
        return new WorkerUnderlay(link.name(), address, dedicated);
    }
}
