package io.peerpods.network.vm;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Route;
import io.peerpods.network.kernel.Kernel;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which of a VM's NICs is the second one. Where a metadata service lists them: the one with the lowest device number above 0 that
 * is here, by its hardware address, its addresses and gateway as a DHCP client has set them or else as the service says. Elsewhere
 * by the existing system's rules: a real NIC other than the primary that has an IPv4 address and a default route of its own, or is
 * in the primary's subnet and so shares its gateway.
 */
final class SecondaryNic {
    private static final List<String> NOT_A_NIC =
            List.of("veth", "lo", "docker", "podman", "br-", "cni", "tunl", "tun", "tap", "peerpod", "vxlan");
    private static final Set<String> VIRTUAL = Set.of(
            "bridge",
            "vxlan",
            "tun",
            "dummy",
            "ifb",
            "macvlan",
            "ipvlan",
            "vlan",
            "bond",
            "wireguard",
            "geneve",
            "gre",
            "gretap",
            "ipip",
            "sit",
            "vti",
            "vrf");

    private SecondaryNic() {}

    /**
     * Finds it, in the VM's namespace or, after a restart, in the pod's.
     *
     * @param primary name of the underlay's NIC
     * @return empty while it is not there or has no address or gateway yet
     */
    static Optional<ExternalNic> find(Kernel vm, Optional<Kernel> pod, String primary, List<NicFacts> facts) {
        Optional<ExternalNic> here = facts.isEmpty() ? byRules(vm, primary) : byFacts(vm, false, facts);
        return here.or(
                () -> pod.flatMap(kernel -> facts.isEmpty() ? alreadyInPod(kernel) : byFacts(kernel, true, facts)));
    }

    private static Optional<ExternalNic> byFacts(Kernel kernel, boolean inPod, List<NicFacts> facts) {
        return facts.stream()
                .filter(nic -> nic.deviceNumber() > 0)
                .sorted(Comparator.comparingInt(NicFacts::deviceNumber))
                .flatMap(nic -> kernel.links().stream()
                        .filter(link -> nic.mac().equals(link.mac()) && link.vxlan() == null)
                        .map(link -> ofFacts(kernel, link, inPod, nic)))
                .findFirst()
                .flatMap(found -> found);
    }

    private static Optional<ExternalNic> ofFacts(Kernel kernel, Link link, boolean inPod, NicFacts facts) {
        List<IpPrefix> set = prefixes(kernel, link);
        InetAddress gateway = kernel.defaultBy(link).map(Route::gateway).orElse(facts.gateway());
        return nic(link, inPod, set.isEmpty() ? facts.addresses() : set, gateway);
    }

    private static Optional<ExternalNic> byRules(Kernel kernel, String primaryName) {
        Optional<Link> primary = kernel.link(primaryName);
        return kernel.links().stream()
                .filter(SecondaryNic::isNic)
                .filter(link -> !link.name().equals(primaryName))
                .sorted(Comparator.comparingInt(Link::index))
                .flatMap(link -> nic(link, false, prefixes(kernel, link), gateway(kernel, link, primary)).stream())
                .findFirst();
    }

    private static @Nullable InetAddress gateway(Kernel kernel, Link link, Optional<Link> primary) {
        Optional<InetAddress> own = kernel.defaultBy(link).map(Route::gateway);
        if (own.isPresent() || primary.isEmpty()) {
            return own.orElse(null);
        }
        boolean sameSubnet = prefixes(kernel, link).stream()
                .map(IpPrefix::network)
                .anyMatch(network -> prefixes(kernel, primary.get()).stream()
                        .anyMatch(other -> other.network().equals(network)));
        return sameSubnet ? kernel.defaultBy(primary.get()).map(Route::gateway).orElse(null) : null;
    }

    private static Optional<ExternalNic> alreadyInPod(Kernel kernel) {
        return kernel.links().stream()
                .filter(SecondaryNic::isNic)
                .flatMap(
                        link -> nic(
                                link,
                                true,
                                prefixes(kernel, link),
                                kernel.defaultBy(link).map(Route::gateway).orElse(null))
                                .stream())
                .findFirst();
    }

    private static boolean isNic(Link link) {
        return !link.loopback()
                && !VIRTUAL.contains(link.kind())
                && NOT_A_NIC.stream().noneMatch(link.name()::startsWith);
    }

    private static List<IpPrefix> prefixes(Kernel kernel, Link link) {
        return kernel.ipv4(link).stream().map(LinkAddress::prefix).toList();
    }

    private static Optional<ExternalNic> nic(
            Link link, boolean inPod, List<IpPrefix> addresses, @Nullable InetAddress gateway) {
        MacAddress mac = link.mac();
        return mac == null || gateway == null || addresses.isEmpty()
                ? Optional.empty()
                : Optional.of(new ExternalNic(mac, link.name(), inPod, addresses, gateway));
    }
}
