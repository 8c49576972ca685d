package io.peerpods.network.vm;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.nft.NftRules;
import io.peerpods.linux.op.LinkKind;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodInterface;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.MetadataAddresses;
import io.peerpods.network.tunnel.Ownership;
import io.peerpods.network.tunnel.TunnelRules;
import io.peerpods.network.tunnel.Underlay;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The VM's half: the pod's namespace with a vxlan that wears the pod's name, hardware address, addresses, routes and neighbours;
 * the second NIC in it when the pod has an external network; and what keeps the pod away from the VM's agent and from the cloud's
 * metadata service.
 */
public final class PodVmPlan {
    /** The routing table of what leaves with the pod's own source address: all by the tunnel. Also its rule's priority. */
    public static final int TUNNEL_TABLE = 15150;

    /** The nft table in the VM and, for the guards, in the pod's namespace. */
    public static final String NFT_TABLE = "peerpods";

    /** RFC 3927. */
    private static final IpPrefix LINK_LOCAL = IpPrefix.of("169.254.0.0/16");

    private static final NftRules.Chain INPUT = new NftRules.Chain("input", "filter", "input", -10);
    private static final NftRules.Chain GUARD_OUTPUT = new NftRules.Chain("guard_output", "filter", "output", -300);
    private static final NftRules.Chain GUARD_FORWARD = new NftRules.Chain("guard_forward", "filter", "forward", -300);

    private PodVmPlan() {}

    /**
     * Where the plan acts.
     *
     * @param vm the VM's own namespace: {@link NetnsRef#OWN} but in tests
     * @param pod the pod's namespace, made if need be
     * @param agentPort where podvm-agent listens
     * @param ipv6 whether this kernel has IPv6 at all
     */
    public record Place(NetnsRef vm, NetnsRef pod, int agentPort, boolean ipv6) {}

    /**
     * The plan.
     *
     * @param external the second NIC; null when the spec asks for none
     * @throws PodNetworkException when the spec cannot be carried out here
     */
    public static Plan of(PodNetworkSpec spec, Underlay underlay, @Nullable ExternalNic external, Place place)
            throws PodNetworkException {
        if (spec.externalNetwork() != (external != null)) {
            throw new PodNetworkException("the pod's network asks for "
                    + (external == null
                            ? "an external network, but there is no second NIC"
                            : "no external network, but there is a second NIC"));
        }
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Namespace(place.pod()));
        ops.addAll(vmGuards(spec, external, place).ops());
        ops.addAll(guards(spec, underlay, place).ops());
        TunnelRoutes routes = TunnelRoutes.of(spec, underlay, place.pod());
        addTunnel(ops, spec, underlay, routes.mtu(), place);
        ops.addAll(routes.inTable(Tables.MAIN, external == null));
        addNeighbours(ops, spec, place);
        if (external != null) {
            addSourceRule(ops, spec, routes, place);
            addAlwaysByTunnel(ops, spec, routes);
            addExternal(ops, spec, external, place);
        }
        return new Plan(Ownership.POD_VM, ops);
    }

    /**
     * The part of the plan that a pod with NET_ADMIN can take away and that {@link PodVmNetwork} puts back: in the pod's namespace,
     * no way to the VM's agent, nor to the metadata service unless that is allowed.
     */
    public static Plan guards(PodNetworkSpec spec, Underlay underlay, Place place) {
        List<NftRules.Rule> rules = new ArrayList<>();
        String agent = TunnelRules.destination(underlay.local()) + " " + TunnelRules.text(underlay.local())
                + " tcp dport " + place.agentPort() + " counter drop";
        for (NftRules.Chain chain : List.of(GUARD_OUTPUT, GUARD_FORWARD)) {
            rules.add(new NftRules.Rule(chain.name(), agent));
            if (!spec.options().allowPodMetadata()) {
                rules.addAll(MetadataAddresses.drops(chain));
            }
        }
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Nft(place.pod(), new NftRules("inet", NFT_TABLE, List.of(GUARD_OUTPUT, GUARD_FORWARD), rules)));
        if (!spec.options().allowPodMetadata()) {
            MetadataAddresses.ADDRESSES.stream()
                    .filter(address -> IpAddresses.isIpv4(address) || place.ipv6())
                    .forEach(address -> ops.addAll(prohibited(spec, address, place)));
        }
        return new Plan(Ownership.POD_VM, ops);
    }

    /** The part of the plan that a firewall in the VM can take away and that {@link PodVmNetwork} puts back, in the VM's own namespace. */
    public static Plan vmGuards(PodNetworkSpec spec, @Nullable ExternalNic external, Place place) {
        return new Plan(Ownership.POD_VM, List.of(new Op.Nft(place.vm(), vmRules(spec, external, place.agentPort()))));
    }

    private static List<Op> prohibited(PodNetworkSpec spec, InetAddress address, Place place) {
        // Replacing: a way that the pod has made to the address goes with it.
        Op.Route refusal = Op.Route.refusal(place.pod(), IpPrefix.of(address), RouteType.PROHIBIT)
                .replacing();
        return spec.externalNetwork() ? List.of(refusal, refusal.inTable(TUNNEL_TABLE)) : List.of(refusal);
    }

    private static NftRules vmRules(PodNetworkSpec spec, @Nullable ExternalNic external, int agentPort) {
        List<NftRules.Chain> chains = new ArrayList<>(TunnelRules.chains());
        chains.add(INPUT);
        List<NftRules.Rule> rules = new ArrayList<>();
        rules.add(ForeignSources.rule(spec));
        rules.addAll(TunnelRules.rules(spec.worker().address(), spec.vxlanPort(), spec.vxlanId()));
        // Across the cloud's network the pod comes with its second NIC's address or with its own.
        List<IpPrefix> sources = new ArrayList<>(spec.pod().addresses());
        if (external != null) {
            sources.addAll(external.addresses());
        }
        sources.stream()
                .map(IpPrefix::address)
                .distinct()
                .forEach(address -> rules.add(new NftRules.Rule(
                        INPUT.name(),
                        TunnelRules.source(address) + " " + TunnelRules.text(address) + " tcp dport " + agentPort
                                + " counter drop")));
        return new NftRules("inet", NFT_TABLE, chains, List.of(ForeignSources.set(spec)), rules);
    }

    private static void addTunnel(List<Op> ops, PodNetworkSpec spec, Underlay underlay, int mtu, Place place) {
        PodInterface pod = spec.pod();
        VxlanAttributes attributes = VxlanAttributes.unicast(
                        spec.vxlanId(), spec.vxlanPort(), spec.worker().address())
                .withLocal(underlay.local())
                .withLearning(false);
        ops.add(new Op.Link(place.pod(), pod.name(), new LinkKind.Vxlan(place.vm(), attributes), pod.mac(), mtu, true));
        for (IpPrefix address : pod.addresses()) {
            // Connected routes come from the worker's list: a point-to-point CNI has none for its /24.
            ops.add(new Op.Address(place.pod(), pod.name(), address, false));
        }
    }

    private static void addNeighbours(List<Op> ops, PodNetworkSpec spec, Place place) {
        spec.neighbours().stream()
                .filter(neighbour -> neighbour.dev().equals(spec.pod().name()))
                .forEach(neighbour ->
                        ops.add(new Op.Neighbour(place.pod(), neighbour.dev(), neighbour.ip(), neighbour.mac())));
    }

    /** A packet that came by the tunnel is answered by the tunnel, whatever its source. */
    private static void addSourceRule(List<Op> ops, PodNetworkSpec spec, TunnelRoutes routes, Place place) {
        ops.addAll(routes.inTable(TUNNEL_TABLE, true));
        for (IpPrefix address : spec.pod().addresses()) {
            ops.add(new Op.Rule(place.pod(), TUNNEL_TABLE, IpPrefix.of(address.address()), null, TUNNEL_TABLE));
        }
    }

    private static void addAlwaysByTunnel(List<Op> ops, PodNetworkSpec spec, TunnelRoutes routes) {
        // Services of the node itself (name servers, credentials of pods) have addresses of this network.
        routes.byTunnel(LINK_LOCAL).ifPresent(ops::add);
        Optional.ofNullable(spec.options().apiService())
                .flatMap(address -> routes.byTunnel(IpPrefix.of(address)))
                .ifPresent(ops::add);
    }

    private static void addExternal(List<Op> ops, PodNetworkSpec spec, ExternalNic nic, Place place) {
        String name = nic.name().equals(spec.pod().name()) ? "ext0" : nic.name();
        ops.add(new Op.Move(place.vm(), nic.mac(), place.pod(), name));
        for (IpPrefix address : nic.addresses()) {
            ops.add(new Op.Address(place.pod(), name, address));
        }
        ops.add(new Op.Up(place.pod(), name));
        boolean ipv4 = IpAddresses.isIpv4(nic.gateway());
        ops.add(byNic(nic, name, ipv4 ? IpPrefix.IPV4_DEFAULT : IpPrefix.IPV6_DEFAULT, place)
                .replacing());
        if (spec.options().allowPodMetadata()) {
            // The service of its own VM, not the worker's, which is where the rest of the link-local network is.
            MetadataAddresses.ADDRESSES.stream()
                    .filter(address -> IpAddresses.isIpv4(address) == ipv4)
                    .forEach(address -> ops.add(byNic(nic, name, IpPrefix.of(address), place)));
        }
    }

    private static Op.Route byNic(ExternalNic nic, String name, IpPrefix destination, Place place) {
        Op.Route way = Op.Route.unicast(place.pod(), destination, nic.gateway(), name);
        boolean onLink = nic.addresses().stream().anyMatch(address -> address.contains(nic.gateway()));
        return onLink ? way : way.asOnlink();
    }
}
