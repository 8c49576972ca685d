package io.peerpods.vpc.net;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.Netns;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.Subnet;
import io.peerpods.vpc.model.WorkerNode;
import java.net.InetAddress;
import java.util.List;
import java.util.Objects;

/**
 * The Kubernetes cluster's network on the VPC's own workers: a {@code cni0} bridge on each, as the bridge CNI plugin makes it, static
 * routes between them, and a forward policy that drops what is not the cluster's.
 */
public final class ClusterNetwork {

    /** The addresses of all pods; every worker's pod network is a part of it. */
    static final IpPrefix PODS = IpPrefix.of("10.244.0.0/16");

    private static final String BRIDGE = "cni0";

    private final Names names;

    public ClusterNetwork(Names names) {
        this.names = names;
    }

    /** Gives the worker its pod network, and routes between it and the others. */
    public void build(WorkerNode node, List<WorkerNode> others) {
        IpPrefix pods = Objects.requireNonNull(node.podCidr(), "pod network");
        try (NamespaceLinks space = NamespaceLinks.open(node.namespace())) {
            space.bridge(BRIDGE, 0);
            space.address(BRIDGE, new IpPrefix(gateway(pods), pods.length()));
            space.nft(FabricRules.worker(PODS));
            for (WorkerNode other : others) {
                IpPrefix theirs = other.podCidr();
                if (theirs != null && !other.name().equals(node.name())) {
                    space.route(theirs.network(), other.ip(), node.link());
                    try (NamespaceLinks far = NamespaceLinks.open(other.namespace())) {
                        far.route(pods.network(), node.ip(), other.link());
                    }
                }
            }
        }
    }

    public void add(ClusterPod pod, WorkerNode node) {
        IpPrefix pods = Objects.requireNonNull(node.podCidr(), "pod network");
        try (NamespaceLinks inside = NamespaceLinks.make(names.pod(pod.name()));
                NamespaceLinks worker = NamespaceLinks.open(node.namespace())) {
            inside.cable("eth0", pod.mac(), worker, pod.hostLink(), pod.mtu());
            worker.master(pod.hostLink(), BRIDGE);
            inside.address("eth0", pod.address());
            inside.route(IpPrefix.IPV4_DEFAULT, gateway(pods), "eth0");
        }
    }

    public void remove(ClusterPod pod, WorkerNode node) {
        if (Netns.exists(node.namespace())) {
            try (NamespaceLinks worker = NamespaceLinks.open(node.namespace())) {
                worker.remove(pod.hostLink());
            }
        }
        Netns.delete(names.pod(pod.name()));
    }

    private static InetAddress gateway(IpPrefix pods) {
        return new Subnet(pods.network(), pods.network().address()).host(1);
    }
}
