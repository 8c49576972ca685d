package io.peerpods.network.worker;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The destinations that a pod with an external network reaches by the tunnel: {@code pod-subnet-cidrs}. */
public record PodSubnetCidrs(List<IpPrefix> networks) {

    public static final PodSubnetCidrs NONE = new PodSubnetCidrs(List.of());

    public PodSubnetCidrs {
        networks = networks.stream().map(IpPrefix::network).distinct().toList();
    }

    /**
     * Reads a comma separated list; blanks around the commas and empty elements do no harm.
     *
     * @throws IllegalArgumentException naming the element that is no network
     */
    public static PodSubnetCidrs parse(String list) {
        List<IpPrefix> networks = new ArrayList<>();
        for (String element : list.split(",", -1)) {
            String text = element.strip();
            if (text.isEmpty()) {
                continue;
            }
            if (!text.contains("/")) {
                throw new IllegalArgumentException(
                        "\"" + text + "\" has no prefix length; write " + text + "/32 for one address");
            }
            try {
                networks.add(IpPrefix.of(text));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("\"" + text + "\" is not a network: " + e.getMessage(), e);
            }
        }
        return new PodSubnetCidrs(networks);
    }

    public boolean covers(InetAddress address) {
        return networks.stream().anyMatch(network -> network.contains(address));
    }

    /** What to warn of once, external network or not: networks that no tunnel carries. */
    public Optional<String> ipv6Warning() {
        List<IpPrefix> ipv6 =
                networks.stream().filter(network -> !network.isIpv4()).toList();
        return ipv6.isEmpty()
                ? Optional.empty()
                : Optional.of("pod-subnet-cidrs (POD_SUBNET_CIDRS): " + ipv6
                        + " has no effect: tunnels carry IPv4 only, so pods on VMs have no IPv6 way into the cluster");
    }

    /** What to warn of once when pods have an external network: a cluster that they can hardly use. */
    public Optional<String> warning(@Nullable InetAddress apiService) {
        if (apiService == null || covers(apiService)) {
            return Optional.empty();
        }
        return Optional.of(
                "pod-subnet-cidrs (POD_SUBNET_CIDRS) " + (networks.isEmpty() ? "is empty" : networks.toString())
                        + " and does not cover the cluster's API service address " + IpAddresses.text(apiService)
                        + ": that address is routed by the tunnel anyway, but pods will look for other services and for pods of"
                        + " other nodes on the external network; add the cluster's pod and service networks to the list");
    }
}
