package io.peerpods.tests.lab;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.room.ClusterPod;
import io.peerpods.room.DnsService;
import io.peerpods.room.Room;
import io.peerpods.room.RoomSpec;
import io.peerpods.room.WorkerNode;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Two workers with ordinary pods in a machine room's VPC, a third host there that has no business with the cluster, a name server
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

    private final Room room;
    private final WorkerNode worker;
    private final WorkerNode worker2;
    private final WorkerNode stranger;
    private final ClusterPod neighbour;
    private final ClusterPod distant;
    private final DnsService names;
    private final AtomicInteger pods = new AtomicInteger();

    private Cluster(Room room) {
        this.room = room;
        int mtu = room.spec().mtu();
        this.worker = room.worker("worker", IpAddresses.parse("10.10.0.1"), IpPrefix.of("10.244.1.0/24"));
        this.worker2 = room.worker("worker2", IpAddresses.parse("10.10.0.2"), IpPrefix.of("10.244.2.0/24"));
        this.stranger = room.worker("stranger", IpAddresses.parse("10.10.0.3"), IpPrefix.of("10.244.3.0/24"));
        this.neighbour = room.clusterPod(worker, "neighbour", IpAddresses.parse("10.244.1.3"), mtu);
        this.distant = room.clusterPod(worker2, "distant", IpAddresses.parse("10.244.2.2"), mtu);
        serviceAddress(worker());
        serviceAddress(new Place("worker2", worker2.namespace()));
        this.names = DnsService.start(distant.namespace(), distant.ip(), Map.of(NAME, distant.ip()));
    }

    /** Makes the cluster; {@code directory} is the room's. */
    public static Cluster make(Path directory, RoomSpec spec) {
        Room room = Room.open(directory, spec);
        try {
            return new Cluster(room);
        } catch (RuntimeException e) {
            room.close();
            Room.cleanup(directory);
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
        return room.clusterPod(node, name, IpAddresses.of(address), room.spec().mtu());
    }

    /** What the CNI does when the pod is gone. */
    public void removePod(ClusterPod pod) {
        room.removeClusterPod(pod.name());
    }

    public Room room() {
        return room;
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
        return new Place("the VPC's router", room.routerNamespace());
    }

    public InetAddress internetAddress() {
        return room.internetHost();
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
        Path directory = room.directory();
        room.close();
        Room.cleanup(directory);
    }
}
