package io.peerpods.tests.lab;

import java.util.List;

/** How a pod is connected: what the check table is run under. */
public enum PodConnection {
    /** The default: everything by the tunnel and the worker. */
    BY_WORKER("everything by way of the worker", false, false, 1500, Cni.BRIDGE),
    /** The same with a CNI that gives the pod a /32 and a gateway that answers no ARP, as Calico does. */
    BY_WORKER_ROUTED("everything by way of the worker, a CNI of /32 addresses", false, false, 1500, Cni.ROUTED),
    /** The rest of the world by the VM's second NIC, the cluster's networks listed. */
    BY_POD_VM("the rest of the world by the VM's second NIC", true, true, 1500, Cni.BRIDGE),
    /** The same with nothing listed. */
    BY_POD_VM_UNLISTED(
            "the rest of the world by the VM's second NIC, nothing listed for the tunnel",
            true,
            false,
            1500,
            Cni.BRIDGE),
    /** The same on an underlay of jumbo frames. */
    BY_POD_VM_JUMBO("the rest of the world by the VM's second NIC, jumbo frames", true, true, 9001, Cni.BRIDGE);

    /** What sort of network plugin made the pod's namespace on the worker. */
    public enum Cni {
        BRIDGE,
        ROUTED
    }

    private final String words;
    private final boolean externalNetwork;
    private final boolean listed;
    private final int underlayMtu;
    private final Cni cni;

    PodConnection(String words, boolean externalNetwork, boolean listed, int underlayMtu, Cni cni) {
        this.words = words;
        this.externalNetwork = externalNetwork;
        this.listed = listed;
        this.underlayMtu = underlayMtu;
        this.cni = cni;
    }

    public String words() {
        return words;
    }

    public boolean externalNetwork() {
        return externalNetwork;
    }

    public List<String> podSubnetCidrs() {
        return listed ? Cluster.LISTED : List.of();
    }

    /** Of every link of the VPC and of every cluster pod. */
    public int underlayMtu() {
        return underlayMtu;
    }

    /** The largest packet of the pod: what is left of the underlay's beside Ethernet, IPv4, UDP and VXLAN headers. */
    public int podMtu() {
        return underlayMtu - 50;
    }

    public Cni cni() {
        return cni;
    }
}
