package io.peerpods.network.worker;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.nft.NftRules;
import io.peerpods.linux.op.LinkKind;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.MetadataAddresses;
import io.peerpods.network.tunnel.Ownership;
import io.peerpods.network.tunnel.TunnelRules;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * The worker's half of a tunnel: a vxlan made straight in the pod's namespace and glued to the pod's interface both ways, so that
 * what the CNI delivers to the pod goes to the VM and what comes from the VM leaves as if the pod had sent it. The pod's
 * interface keeps its MTU: a lower one would lose large frames without a word, while an outer packet that is too long is cut.
 */
public final class WorkerPlan {
    /** The tunnel's name in the pod's namespace, as in the existing system. */
    public static final String TUNNEL_LINK = "vxlan1";

    // Before the node's own filters: a drop holds whatever they say later.
    private static final NftRules.Chain FORWARD = new NftRules.Chain("forward", "filter", "forward", -10);

    private WorkerPlan() {}

    /**
     * Where a worker's plans act.
     *
     * @param underlay the namespace whose routes lead to the VMs: {@link NetnsRef#OWN} but in tests
     * @param table the nft table, {@link Ownership#workerTable}
     */
    public record Place(NetnsRef underlay, String table) {}

    /**
     * The plan.
     *
     * @param podNetns the pod's namespace on the worker
     * @throws PodNetworkException when the two ends of the tunnel are not of one family
     */
    public static Plan of(String sandboxId, NetnsRef podNetns, PodNetworkSpec spec, VmPeer vm, Place place)
            throws PodNetworkException {
        InetAddress local = spec.worker().address();
        if (IpAddresses.isIpv4(local) != IpAddresses.isIpv4(vm.tunnel())) {
            throw new PodNetworkException("the worker's end of the tunnel is " + IpAddresses.text(local)
                    + " and the VM's is " + IpAddresses.text(vm.tunnel()) + ": both must be IPv4 or both IPv6");
        }
        List<Op> ops = new ArrayList<>();
        ops.add(new Op.Nft(place.underlay(), rules(spec, vm, place.table())));
        // Learning is off: with one peer there is nothing to learn but lies.
        VxlanAttributes attributes = VxlanAttributes.unicast(spec.vxlanId(), spec.vxlanPort(), vm.tunnel())
                .withLocal(local)
                .withLearning(false);
        ops.add(new Op.Link(
                podNetns,
                TUNNEL_LINK,
                new LinkKind.Vxlan(place.underlay(), attributes),
                null,
                spec.pod().mtu(),
                true));
        ops.add(new Op.Redirect(podNetns, spec.pod().name(), TUNNEL_LINK));
        ops.add(new Op.Redirect(podNetns, TUNNEL_LINK, spec.pod().name()));
        if (spec.bridged()) {
            // A bridge that shows its frames to iptables sends what the pod sends to its own Service back: the source
            // is the pod's MAC.
            ops.add(new Op.Hairpin(
                    podNetns, spec.pod().name(), TUNNEL_LINK, spec.pod().mac()));
        }
        return new Plan(Ownership.ofSandbox(sandboxId), ops);
    }

    private static NftRules rules(PodNetworkSpec spec, VmPeer vm, String table) {
        List<NftRules.Chain> chains = new ArrayList<>(TunnelRules.chains());
        chains.add(FORWARD);
        List<NftRules.Rule> rules = new ArrayList<>(TunnelRules.rules(vm.tunnel(), spec.vxlanPort(), spec.vxlanId()));
        // The pod would arrive at its own VM with the worker's address on, so only the worker can tell it from the
        // adaptor.
        // No source is named: a pod chooses its own, and the adaptor's connections are not forwarded.
        for (InetAddress address : vm.addresses()) {
            rules.add(new NftRules.Rule(
                    FORWARD.name(),
                    TunnelRules.destination(address) + " " + TunnelRules.text(address) + " tcp dport " + vm.agentPort()
                            + " counter drop"));
        }
        if (!spec.options().allowPodMetadata()) {
            for (IpPrefix address : spec.pod().addresses()) {
                MetadataAddresses.ADDRESSES.stream()
                        .filter(service -> IpAddresses.isIpv4(service) == address.isIpv4())
                        .forEach(service -> rules.add(new NftRules.Rule(
                                FORWARD.name(),
                                TunnelRules.source(address.address()) + " " + TunnelRules.text(address.address()) + " "
                                        + TunnelRules.destination(service) + " " + TunnelRules.text(service)
                                        + " counter drop")));
            }
        }
        return new NftRules("inet", table, chains, rules);
    }
}
