package io.peerpods.tests.lab;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.vpc.LocalVpc;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.model.WorkerNode;
import io.peerpods.vpc.service.DnsServer;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Two workers with ordinary pods in a local VPC's VPC, a third host there that has no business with the cluster, a name server
 * behind a service address, and an internet. Closing it removes everything, pod VMs included.
 */
public final class Cluster implements AutoCloseable {

    /** The cluster's pod and service networks: what an operator lists when pods have an external network. */
    public static final List<String> LISTED = List.of("10.244.0.0/16", "10.96.0.0/12");

    public static final int VXLAN_PORT = 4789;
    public static final int AGENT_PORT = 15150;

    static final InetAddress METADATA = IpAddresses.parse("169.254.169.254");

    /** The name that the cluster's name server knows. */
    static final String NAME = "distant.default.svc.cluster.local";

    private static final InetAddress NAME_SERVER = IpAddresses.parse("10.96.0.10");
    private static final InetAddress SERVICE = IpAddresses.parse("10.96.0.99");

    private final LocalVpc vpc;
    private final WorkerNode worker;
    private final WorkerNode worker2;
    private final WorkerNode stranger;
    private final ClusterPod neighbour;
    private final ClusterPod distant;
    private final DnsServer names;
    private final AtomicInteger pods = new AtomicInteger();

    private Cluster(LocalVpc vpc) {
        this.vpc = vpc;
        int mtu = vpc.spec().mtu();
        this.worker = vpc.worker("worker", IpAddresses.parse("10.10.0.1"), IpPrefix.of("10.244.1.0/24"));
        this.worker2 = vpc.worker("worker2", IpAddresses.parse("10.10.0.2"), IpPrefix.of("10.244.2.0/24"));
        this.stranger = vpc.worker("stranger", IpAddresses.parse("10.10.0.3"), IpPrefix.of("10.244.3.0/24"));
        this.neighbour = vpc.clusterPod(worker, "neighbour", IpAddresses.parse("10.244.1.3"), mtu);
        this.distant = vpc.clusterPod(worker2, "distant", IpAddresses.parse("10.244.2.2"), mtu);
        serviceAddress(worker());
        serviceAddress(new Place("worker2", worker2.namespace()));
        this.names = DnsServer.start(distant.namespace(), distant.ip(), Map.of(NAME, distant.ip()));
    }

    /** Makes the cluster; {@code directory} is the VPC's. */
    public static Cluster make(Path directory, VpcSpec spec) {
        LocalVpc vpc = LocalVpc.open(directory, spec);
        try {
            return new Cluster(vpc);
        } catch (RuntimeException e) {
            vpc.close();
            LocalVpc.cleanup(directory);
            throw e;
        }
    }

    /** What kube-proxy does for the name server's service. */
    private static void serviceAddress(Place worker) {
        worker.nft("""
                table ip services {
                  chain to_endpoint { type nat hook prerouting priority dstnat; policy accept;
                    ip daddr %s udp dport 53 dnat to 10.244.2.2
                  }
                }
                """.formatted(Probes.text(NAME_SERVER)));
    }

    /** What the CNI makes for a new pod on the first worker: a namespace with eth0. */
    public ClusterPod newPod() {
        return newPod(worker);
    }

    /** The same on either worker. */
    public ClusterPod newPod(WorkerNode node) {
        int number = pods.incrementAndGet();
        String name = "cni-" + number;
        IpPrefix network = java.util.Objects.requireNonNull(node.podCidr());
        byte[] address = network.address().getAddress();
        address[3] = (byte) (9 + number);
        return vpc.clusterPod(node, name, IpAddresses.of(address), vpc.spec().mtu());
    }

    /** What the CNI does when the pod is gone. */
    public void removePod(ClusterPod pod) {
        vpc.removeClusterPod(pod.name());
    }

    public LocalVpc vpc() {
        return vpc;
    }

    /** The node of the pods under test. */
    public Place worker() {
        return new Place("worker", worker.namespace());
    }

    public WorkerNode workerNode() {
        return worker;
    }

    public WorkerNode otherWorkerNode() {
        return worker2;
    }

    public InetAddress workerAddress() {
        return worker.ip();
    }

    /** The worker's address on its bridge of pods. */
    public InetAddress bridgeAddress() {
        return IpAddresses.parse("10.244.1.1");
    }

    /** A cluster pod on the same worker. */
    public Place neighbour() {
        return new Place("the pod beside it", neighbour.namespace());
    }

    public InetAddress neighbourAddress() {
        return neighbour.ip();
    }

    public MacAddress neighbourMac() {
        return neighbour.mac();
    }

    /** A cluster pod on the other worker. */
    public Place distant() {
        return new Place("the pod on the other node", distant.namespace());
    }

    public InetAddress distantAddress() {
        return distant.ip();
    }

    /** A host of the VPC that is neither worker nor pod VM. */
    public Place stranger() {
        return new Place("a third host", stranger.namespace());
    }

    public InetAddress strangerAddress() {
        return stranger.ip();
    }

    public Place router() {
        return new Place("the VPC's router", vpc.routerNamespace());
    }

    public InetAddress internetAddress() {
        return vpc.internetHost();
    }

    /** A service address with a name server behind it. */
    public InetAddress nameServer() {
        return NAME_SERVER;
    }

    /** A service address with nothing behind it. */
    public InetAddress serviceAddress() {
        return SERVICE;
    }

    /** The resolv.conf that kubelet gives a pod. */
    public List<String> resolver() {
        return List.of("search default.svc.cluster.local", "nameserver " + Probes.text(NAME_SERVER));
    }

    @Override
    public void close() {
        names.close();
        Path directory = vpc.directory();
        vpc.close();
        LocalVpc.cleanup(directory);
    }
}
