package io.peerpods.vpc;

import io.peerpods.linux.IpPrefix;
import io.peerpods.vpc.model.ClusterPod;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.model.WorkerNode;
import io.peerpods.vpc.net.ClusterNetwork;
import io.peerpods.vpc.net.Fabric;
import io.peerpods.vpc.net.Names;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The workers of the cluster in a local VPC, and their ordinary pods. {@link LocalVpc} describes the methods. */
final class ClusterNodes {

    private final VpcFiles files;
    private final Names names;
    private final VpcSpec spec;
    private final Fabric fabric;
    private final AddressPlan addresses;

    ClusterNodes(VpcFiles files, Names names, VpcSpec spec, Fabric fabric, AddressPlan addresses) {
        this.files = files;
        this.names = names;
        this.spec = spec;
        this.fabric = fabric;
        this.addresses = addresses;
    }

    WorkerNode worker(String name, InetAddress address, IpPrefix podCidr) {
        Path namespace = Names.file(names.node(name));
        WorkerNode node = files.locked(() -> defineNode(
                name,
                namespace,
                "eth0",
                address,
                Objects.requireNonNull(podCidr, "podCidr").network()));
        connect(node);
        files.locked(() -> {
            new ClusterNetwork(names).build(node, files.allNodes());
            return node;
        });
        return node;
    }

    WorkerNode attachThisMachine(String name, InetAddress address) {
        WorkerNode node = files.locked(() -> defineNode(name, Path.of(""), names.attachedLink(), address, null));
        connect(node);
        return node;
    }

    private void connect(WorkerNode node) {
        files.locked(() -> {
            fabric.ports(files.allVms(), files.allNodes());
            fabric.connect(node);
            return node;
        });
    }

    ClusterPod pod(WorkerNode node, String name, InetAddress address, int mtu) {
        IpPrefix pods = Objects.requireNonNull(node.podCidr(), "the worker has no pod network");
        return files.locked(() -> {
            ClusterPod pod = files.pod(name).orElseGet(() -> {
                ClusterPod fresh = new ClusterPod(
                        name,
                        AddressPlan.freeIndex(
                                files.allPods().stream().map(ClusterPod::index).toList()),
                        node.name(),
                        Names.file(names.pod(name)),
                        new IpPrefix(address, pods.length()),
                        names.mac("pod " + name),
                        mtu);
                files.write(fresh);
                return fresh;
            });
            new ClusterNetwork(names).add(pod, node);
            return pod;
        });
    }

    void removePod(String name) {
        files.locked(() -> {
            Optional<ClusterPod> pod = files.pod(name);
            if (pod.isPresent()) {
                Optional<WorkerNode> node = files.node(pod.get().worker());
                node.ifPresent(known -> new ClusterNetwork(names).remove(pod.get(), known));
                files.removePod(name);
            }
            return name;
        });
    }

    private WorkerNode defineNode(
            String name, Path namespace, String link, InetAddress address, @Nullable IpPrefix podCidr) {
        Optional<WorkerNode> known = files.node(name);
        if (known.isPresent()) {
            return known.get();
        }
        int subnet = addresses.subnetOf(address);
        addresses.requireFree(address);
        WorkerNode node = new WorkerNode(
                name,
                AddressPlan.freeIndex(
                        files.allNodes().stream().map(WorkerNode::index).toList()),
                namespace,
                link,
                names.mac("node " + name),
                spec.subnets().get(subnet).prefix(address),
                subnet,
                podCidr);
        files.write(node);
        return node;
    }
}
