package io.peerpods.network.worker;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.sys.NativeThreads;
import io.peerpods.network.kernel.Kernel;
import io.peerpods.network.spec.PodNetworkException;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The worker's end of its tunnels.
 *
 * @param dedicated whether the NIC is another one than that of the default route
 */
public record WorkerUnderlay(String link, IpPrefix address, boolean dedicated) {

    /** Which address the kernel gives packets to that destination by that link; empty when it has no way there. */
    @FunctionalInterface
    interface SourceOf {
        Optional<InetAddress> ask(InetAddress destination, Link link);
    }

    /**
     * Finds it.
     *
     * @param hostInterface the NIC that the operator names; empty for that of the default route
     * @throws PodNetworkException when there is no such NIC or it has no IPv4 address
     */
    public static WorkerUnderlay find(String hostInterface, NetnsRef worker) throws PodNetworkException {
        return find(hostInterface, null, worker);
    }

    /**
     * Finds it.
     *
     * @param known this worker's address in the network of its VMs where the cloud provider knows it, for a worker whose default route
     *     is by another NIC; null otherwise. A named NIC goes before it.
     */
    static WorkerUnderlay find(String hostInterface, @Nullable InetAddress known, NetnsRef worker)
            throws PodNetworkException {
        try (Rtnl rtnl = worker.openRtnl()) {
            if (known != null && hostInterface.isEmpty()) {
                return at(known, rtnl);
            }
            return choose(
                    hostInterface, look(hostInterface, rtnl), (destination, link) -> source(rtnl, destination, link));
        } catch (LinuxException e) {
            throw new PodNetworkException("cannot inspect the worker's network: " + e.getMessage(), e);
        }
    }

    /**
     * The addresses that the worker has now, of both families. From any thread.
     *
     * @throws LinuxException when the kernel does not tell
     */
    public static Set<InetAddress> addresses(NetnsRef worker) {
        return NativeThreads.call(() -> {
            try (Rtnl rtnl = worker.openRtnl()) {
                return rtnl.addresses().stream()
                        .map(address -> address.prefix().address())
                        .collect(Collectors.toUnmodifiableSet());
            }
        });
    }

    private static WorkerUnderlay at(InetAddress known, Rtnl rtnl) throws PodNetworkException {
        LinkAddress address = rtnl.addresses().stream()
                .filter(candidate -> candidate.prefix().address().equals(known))
                .findFirst()
                .orElseThrow(() ->
                        new PodNetworkException("the cloud provider says that this worker is " + IpAddresses.text(known)
                                + " in the network of its VMs, but no interface here has that address: name the NIC for"
                                + " tunnels (-host-interface)"));
        String name = rtnl.link(address.index()).map(Link::name).orElse("link " + address.index());
        return new WorkerUnderlay(name, address.prefix(), false);
    }

    private static Optional<InetAddress> source(Rtnl rtnl, InetAddress destination, Link link) {
        try {
            return Optional.ofNullable(rtnl.routeTo(destination, link.index()).source());
        } catch (LinuxException e) {
            return Optional.empty();
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

    static WorkerUnderlay choose(String hostInterface, Kernel kernel, SourceOf kernelsChoice)
            throws PodNetworkException {
        Optional<Link> primary = kernel.defaults().stream().findFirst().flatMap(route -> kernel.link(route.link()));
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
        Optional<InetAddress> source = source(kernel, link, kernelsChoice);
        IpPrefix address = addresses.stream()
                .map(LinkAddress::prefix)
                .filter(prefix -> source.filter(prefix.address()::equals).isPresent())
                .findFirst()
                .orElse(addresses.getFirst().prefix());
        boolean dedicated = primary.isPresent() && primary.get().index() != link.index();
        return new WorkerUnderlay(link.name(), address, dedicated);
    }

    /**
     * The address that the kernel itself gives packets by the link. The first address of the link need not be it: a virtual one, which
     * moves to another node with all that depends on it, may stand before.
     */
    private static Optional<InetAddress> source(Kernel kernel, Link link, SourceOf kernelsChoice) {
        Optional<Route> way = kernel.defaultBy(link);
        Optional<InetAddress> preferred = way.map(Route::source);
        if (preferred.isPresent()) {
            return preferred;
        }
        return way.map(Route::gateway)
                .flatMap(gateway -> kernelsChoice.ask(gateway, link))
                .or(() -> kernel.routes().stream()
                        .filter(route -> route.link() == link.index()
                                && !route.destination().isHost())
                        .flatMap(route -> Stream.ofNullable(route.source()))
                        .filter(IpAddresses::isIpv4)
                        .findFirst());
    }
}
