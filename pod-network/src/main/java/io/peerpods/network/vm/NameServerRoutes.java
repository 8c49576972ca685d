package io.peerpods.network.vm;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.MetadataAddresses;
import io.peerpods.network.tunnel.Ownership;
import java.net.InetAddress;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Name servers are the cluster's, so a pod with an external network reaches them by the tunnel all the same. They are learned while the pod
 * runs: from CreateSandbox's list and from a copied resolv.conf.
 */
public final class NameServerRoutes {
    private static final int MAX_SERVERS = 16;

    private NameServerRoutes() {}

    /**
     * The name servers of resolv.conf lines; a line that is a bare address counts as well. Others are passed over.
     *
     * @param lines the text of a file, or the lines of Kata's {@code dns} list
     */
    public static List<InetAddress> servers(Collection<String> lines) {
        Set<InetAddress> servers = new LinkedHashSet<>();
        for (String text : lines) {
            text.lines().forEach(line -> server(line.strip()).ifPresent(servers::add));
        }
        return servers.stream().limit(MAX_SERVERS).toList();
    }

    private static Optional<InetAddress> server(String line) {
        List<String> words = List.of(line.split("[ \t]+", 3));
        String word = words.getFirst().equals("nameserver") && words.size() > 1 ? words.get(1) : words.getFirst();
        if (!word.matches("\\d{1,3}(\\.\\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")) {
            return Optional.empty();
        }
        try {
            return Optional.of(IpAddresses.parse(word));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /**
     * A plan to be applied to a running pod, as often as there is news; empty when the pod has no external network or there is
     * nothing to add. A server inside the pod (loopback) and the metadata service's address, unless the pod may
     * use that, get no route.
     */
    public static Plan of(PodNetworkSpec spec, Collection<InetAddress> servers, NetnsRef pod) {
        return of(new TunnelRoutes(spec, pod, spec.pod().mtu()), servers);
    }

    static Plan of(TunnelRoutes routes, Collection<InetAddress> servers) {
        PodNetworkSpec spec = routes.spec();
        List<Op> ops = !spec.externalNetwork()
                ? List.of()
                : servers.stream()
                        .filter(server -> !server.isLoopbackAddress() && !server.isAnyLocalAddress())
                        .filter(server -> !server.equals(spec.options().apiService()))
                        .filter(server -> spec.options().allowPodMetadata() || !MetadataAddresses.is(server))
                        .distinct()
                        .limit(MAX_SERVERS)
                        .flatMap(server -> routes.byTunnel(IpPrefix.of(server)).stream())
                        .map(Op.class::cast)
                        .toList();
        return new Plan(Ownership.POD_VM, ops);
    }
}
