package io.peerpods.network.vm;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.kernel.Kernel;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.Underlay;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Waits in a booting VM until the NICs that the plan needs are there, with addresses. */
public final class PodVmNics {
    private static final Duration POLL = Duration.ofMillis(100);

    private PodVmNics() {}

    /**
     * The NICs of a VM.
     *
     * @param external null when the spec asks for none
     */
    public record Nics(Underlay underlay, @Nullable ExternalNic external) {}

    /**
     * For how long is waited, and for what.
     *
     * @param hostInterface the NIC that the image sets aside for the tunnel, used when the spec says that it is dedicated
     * @param underlay for a route to the worker with a source address
     * @param external for the second NIC, counted from the moment the first one is there
     */
    public record Wait(String hostInterface, Duration underlay, Duration external) {}

    /**
     * Waits.
     *
     * @throws PodNetworkException when a deadline has passed: what is missing, what there is instead
     * @throws InterruptedException when the caller is interrupted
     */
    public static Nics await(PodNetworkSpec spec, PodVmPlan.Place place, NicFacts.Source metadata, Wait wait)
            throws PodNetworkException, InterruptedException {
        Underlay underlay = awaitUnderlay(spec, place, metadata, wait);
        if (!spec.externalNetwork()) {
            return new Nics(underlay, null);
        }
        while (true) {
            ExternalNic external = awaitExternal(place, underlay, metadata, wait.external());
            Underlay now = awaitUnderlay(spec, place, metadata, wait);
            if (now.link().equals(underlay.link())) {
                return new Nics(now, external);
            }
            // The second NIC was the faster to come up and looked like the first: now that both are there, the metrics
            // tell.
            underlay = now;
        }
    }

    private static Underlay awaitUnderlay(
            PodNetworkSpec spec, PodVmPlan.Place place, NicFacts.Source metadata, Wait wait)
            throws PodNetworkException, InterruptedException {
        if (spec.dedicated() && wait.hostInterface().isEmpty()) {
            throw new PodNetworkException(
                    "the tunnel shall have a NIC of its own (the worker's -host-interface is not that of its"
                            + " default route): name the VM's with -host-interface in its image");
        }
        InetAddress peer = spec.worker().address();
        List<NicFacts> facts = spec.externalNetwork() ? metadata.read() : List.of();
        long end = System.nanoTime() + wait.underlay().toNanos();
        while (true) {
            try (Rtnl rtnl = place.vm().openRtnl()) {
                Optional<Underlay> found =
                        spec.dedicated() ? dedicated(rtnl, wait.hostInterface(), peer) : byRoute(rtnl, peer, facts);
                if (found.isPresent()) {
                    return found.get();
                }
                if (System.nanoTime() - end >= 0) {
                    throw new PodNetworkException("no way to the worker " + IpAddresses.text(peer) + " after "
                            + wait.underlay().toSeconds() + " s"
                            + (spec.dedicated() ? " by " + wait.hostInterface() : "") + "; this VM has "
                            + describe(Kernel.look(rtnl)));
                }
            }
            Thread.sleep(POLL);
        }
    }

    /** The NIC that the kernel would take to the worker, unless that is only so because the second NIC was faster to come up. */
    private static Optional<Underlay> byRoute(Rtnl rtnl, InetAddress peer, List<NicFacts> facts) {
        Route route;
        try {
            route = rtnl.routeTo(peer);
        } catch (LinuxException e) {
            return Optional.empty();
        }
        InetAddress source = route.source();
        Optional<Link> link = rtnl.link(route.link());
        if (source == null || link.isEmpty()) {
            return Optional.empty();
        }
        boolean second = facts.stream()
                .anyMatch(nic ->
                        nic.deviceNumber() > 0 && nic.mac().equals(link.get().mac()));
        int mtu = route.metrics().mtu() != 0
                ? Math.min(route.metrics().mtu(), link.get().mtu())
                : link.get().mtu();
        return second ? Optional.empty() : Optional.of(new Underlay(link.get().name(), source, mtu));
    }

    private static Optional<Underlay> dedicated(Rtnl rtnl, String name, InetAddress peer) {
        Kernel kernel = Kernel.look(rtnl);
        boolean ipv4 = IpAddresses.isIpv4(peer);
        return kernel.link(name)
                .flatMap(link -> (ipv4 ? kernel.ipv4(link) : kernel.ipv6(link))
                        .stream()
                                .findFirst()
                                .map(address ->
                                        new Underlay(name, address.prefix().address(), link.mtu())));
    }

    private static ExternalNic awaitExternal(
            PodVmPlan.Place place, Underlay underlay, NicFacts.Source metadata, Duration patience)
            throws PodNetworkException, InterruptedException {
        long end = System.nanoTime() + patience.toNanos();
        while (true) {
            List<NicFacts> facts = metadata.read();
            Kernel vm = Kernel.look(place.vm());
            Optional<ExternalNic> found = SecondaryNic.find(vm, lookIfThere(place.pod()), underlay.link(), facts);
            if (found.isPresent()) {
                return found.get();
            }
            if (System.nanoTime() - end >= 0) {
                throw new PodNetworkException(
                        "the pod shall have an external network (ext-network-via-podvm), but no second NIC"
                                + " with an address has come within " + patience.toSeconds() + " s; this VM has "
                                + describe(vm)
                                + (facts.isEmpty() ? "" : "; the metadata service lists " + describe(facts)));
            }
            Thread.sleep(POLL);
        }
    }

    private static Optional<Kernel> lookIfThere(NetnsRef namespace) {
        return Netns.exists(Path.of(namespace.path())) ? Optional.of(Kernel.look(namespace)) : Optional.empty();
    }

    private static String describe(Kernel kernel) {
        List<String> links = kernel.links().stream()
                .filter(link -> !link.loopback())
                .map(link -> link.name() + " (" + link.mac() + (link.up() ? ", up" : ", down")
                        + addresses(kernel.ipv4(link)) + ")")
                .toList();
        return links.isEmpty() ? "no NIC at all" : String.join(", ", links);
    }

    private static String addresses(List<LinkAddress> addresses) {
        return addresses.isEmpty()
                ? ", no IPv4 address"
                : ", "
                        + String.join(
                                " ",
                                addresses.stream()
                                        .map(address -> address.prefix().toString())
                                        .toList());
    }

    private static String describe(List<NicFacts> facts) {
        return String.join(
                ", ",
                facts.stream()
                        .map(nic -> nic.mac() + " as device " + nic.deviceNumber())
                        .toList());
    }
}
