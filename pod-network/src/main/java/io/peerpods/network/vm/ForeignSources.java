package io.peerpods.network.vm;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NftablesReader;
import io.peerpods.linux.nft.NftRules;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.TunnelRules;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who else than the worker sends packets for the pod's tunnel to the VM. They are dropped: a peer of the existing system whose tunnel
 * leaves from another address than {@code worker-node-ip} has a pod without network then, and nothing else would say why. A rule before the
 * drop keeps the sources in a set of the kernel's that is bounded, for anyone may send from as many as he likes. For one thread.
 */
public final class ForeignSources {
    private static final Logger log = LoggerFactory.getLogger(ForeignSources.class);

    /** How many are known at a time. */
    static final int SIZE = 16;

    private static final int SECONDS = 600;
    private static final String SET = "foreign_sources";

    /**
     * One source.
     *
     * @param packets that have been dropped since it was first seen
     */
    public record Source(InetAddress address, long packets, InetAddress worker) {

        /** What happened to whose packets, why, and the way out. */
        public String describe() {
            String from = IpAddresses.text(address);
            return packets + " packets for the tunnel from " + from + " are dropped: the worker is "
                    + IpAddresses.text(worker) + ". If " + from
                    + " is the worker's too, its tunnel leaves by another NIC"
                    + " or address than worker-node-ip says: name the NIC (-host-interface), or route to the VMs by"
                    + " the NIC of " + IpAddresses.text(worker) + ". If not, these packets are forged";
        }
    }

    private final PodNetworkSpec spec;
    private final Set<InetAddress> told = new HashSet<>();

    ForeignSources(PodNetworkSpec spec) {
        this.spec = spec;
    }

    static NftRules.AddressSet set(PodNetworkSpec spec) {
        return new NftRules.AddressSet(SET, IpAddresses.isIpv4(spec.worker().address()), SIZE, SECONDS);
    }

    /** Drops nothing; a rule after it does. */
    static NftRules.Rule rule(PodNetworkSpec spec) {
        InetAddress worker = spec.worker().address();
        return new NftRules.Rule(
                TunnelRules.PREROUTING.name(),
                TunnelRules.foreign(worker, spec.vxlanPort(), spec.vxlanId()) + " update @" + SET + " { "
                        + TunnelRules.source(worker) + " counter }");
    }

    /** Those of the last minutes; none where the rules are not in force. */
    public static List<Source> read(NetnsRef vm, PodNetworkSpec spec) {
        try (NftablesReader nftables = open(vm)) {
            return nftables.addresses("inet", PodVmPlan.NFT_TABLE, SET).stream()
                    .map(element -> new Source(
                            element.address(), element.packets(), spec.worker().address()))
                    .toList();
        }
    }

    private static NftablesReader open(NetnsRef vm) {
        if (vm.isOwn()) {
            return NftablesReader.open();
        }
        try (Netns netns = Netns.open(vm.path())) {
            return NftablesReader.open(netns);
        }
    }

    /** Logs each source once, and when there are too many of them once that. */
    void tell(NetnsRef vm) {
        for (Source source : read(vm, spec)) {
            if (told.size() >= SIZE || !told.add(source.address())) {
                continue;
            }
            log.warn("{}", source.describe());
            if (told.size() == SIZE) {
                log.warn(
                        "packets for the tunnel come from {} addresses that are not the worker's; no more of them are named here,"
                                + " see nft list set inet {} {}",
                        SIZE,
                        PodVmPlan.NFT_TABLE,
                        SET);
            }
        }
    }
}
