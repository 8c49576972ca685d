package io.peerpods.tests.lab;

import static io.peerpods.tests.lab.OpKind.MOVE;
import static io.peerpods.tests.lab.OpKind.MTU;
import static io.peerpods.tests.lab.OpKind.NEIGHBOUR;
import static io.peerpods.tests.lab.OpKind.NFT;
import static io.peerpods.tests.lab.OpKind.REDIRECT;
import static io.peerpods.tests.lab.OpKind.ROUTE;
import static io.peerpods.tests.lab.OpKind.RULE;
import static io.peerpods.tests.lab.PodConnection.BY_POD_VM;
import static io.peerpods.tests.lab.PodConnection.BY_POD_VM_JUMBO;
import static io.peerpods.tests.lab.PodConnection.BY_POD_VM_UNLISTED;
import static io.peerpods.tests.lab.PodConnection.BY_WORKER;
import static io.peerpods.tests.lab.PodConnection.BY_WORKER_ROUTED;

import io.peerpods.tests.lab.Row.Proof;
import java.net.InetAddress;
import java.util.List;
import java.util.function.Consumer;

/** What must be so of a pod on its own VM: the rows, in the order in which they are shown, and how they are looked at. */
public final class CheckTable {

    /** A row and what was found. */
    public record Finding(Row row, PodConnection setting, Proof proof) {}

    private static final List<Row> ROWS = List.of(
            Row.of("pod reaches a cluster pod on its node", CheckTable::toNeighbour)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NEIGHBOUR)
                    .under(BY_POD_VM, REDIRECT, ROUTE)
                    .under(BY_POD_VM_UNLISTED, REDIRECT, ROUTE)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE),
            Row.of("pod reaches a cluster pod on another node", CheckTable::toDistant)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NEIGHBOUR)
                    .under(BY_POD_VM, REDIRECT, ROUTE)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE),
            Row.of("a cluster pod on its node reaches the pod", CheckTable::fromNeighbour)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NEIGHBOUR)
                    .under(BY_POD_VM, REDIRECT, ROUTE)
                    .under(BY_POD_VM_UNLISTED, REDIRECT, ROUTE)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE),
            Row.of("a cluster pod on another node reaches the pod", CheckTable::fromDistant)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NEIGHBOUR)
                    .under(BY_POD_VM, REDIRECT, ROUTE)
                    .under(BY_POD_VM_UNLISTED, REDIRECT, ROUTE, RULE)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE),
            Row.of("the node reaches the pod from its pod bridge (kubelet's probes)", CheckTable::fromBridge)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_POD_VM, REDIRECT, ROUTE)
                    .under(BY_POD_VM_UNLISTED, REDIRECT, ROUTE)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE),
            Row.of("the node reaches the pod from its VPC address", CheckTable::fromNode)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NEIGHBOUR)
                    .under(BY_POD_VM, REDIRECT, ROUTE, RULE)
                    .under(BY_POD_VM_UNLISTED, REDIRECT, ROUTE, RULE)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE, RULE),
            Row.of(
                            "a client outside the cluster reaches the pod by the worker, its address kept",
                            CheckTable::fromStranger)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_POD_VM, REDIRECT, ROUTE, RULE)
                    .under(BY_POD_VM_UNLISTED, REDIRECT, ROUTE, RULE),
            Row.of("pod's packet to a service address arrives at the worker", CheckTable::service)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NEIGHBOUR)
                    .under(BY_POD_VM, REDIRECT, ROUTE),
            Row.of("pod reaches its own Service, bridged frames not seen by iptables", CheckTable::ownServiceRouted)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_POD_VM, REDIRECT, ROUTE),
            Row.of("pod reaches its own Service, bridged frames seen by iptables", CheckTable::ownServiceBridged)
                    .under(BY_WORKER, REDIRECT, ROUTE, NFT)
                    .under(BY_POD_VM, REDIRECT, ROUTE, NFT),
            Row.of("pod resolves a name at the cluster's name server", CheckTable::name)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_POD_VM, REDIRECT, ROUTE)
                    .under(BY_POD_VM_UNLISTED, REDIRECT, ROUTE),
            Row.of("pod reaches the internet by the worker", CheckTable::internetByWorker)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NEIGHBOUR),
            Row.of(
                            "pod reaches the internet by its VM's second NIC, not by the worker",
                            CheckTable::internetBySecondNic)
                    .under(BY_POD_VM, MOVE, ROUTE)
                    .under(BY_POD_VM_UNLISTED, MOVE, ROUTE)
                    .under(BY_POD_VM_JUMBO, MOVE, ROUTE),
            Row.of("the largest uncut packet passes whole, both ways", CheckTable::largest)
                    .under(BY_WORKER, REDIRECT, ROUTE)
                    .under(BY_POD_VM, REDIRECT, ROUTE)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE, MTU),
            Row.of("one byte more does not leave the pod", CheckTable::tooLarge)
                    .under(BY_WORKER, ROUTE, MTU)
                    .under(BY_WORKER_ROUTED, ROUTE, MTU)
                    .under(BY_POD_VM, ROUTE, MTU)
                    .under(BY_POD_VM_UNLISTED, ROUTE, MTU)
                    // Here the kernel's own choice is too small, and the row above is the one that fails.
                    .under(BY_POD_VM_JUMBO, ROUTE),
            Row.of("the tunnel's packets are not tracked", CheckTable::untracked)
                    .under(BY_WORKER, REDIRECT, ROUTE, NFT)
                    // Without the neighbour the questions for it are tunnel packets too, so it is not needed here.
                    .under(BY_WORKER_ROUTED, REDIRECT, ROUTE, NFT)
                    .under(BY_POD_VM, REDIRECT, ROUTE, NFT)
                    .under(BY_POD_VM_JUMBO, REDIRECT, ROUTE, NFT),
            Row.of("a VXLAN frame forged by a third host does not reach the pod", ForgedFrames::toPod)
                    .under(BY_WORKER, NFT)
                    .under(BY_POD_VM, NFT),
            Row.of("a VXLAN frame forged by a third host does not come out on the worker", ForgedFrames::toWorker)
                    .under(BY_WORKER, NFT, REDIRECT)
                    .under(BY_POD_VM, NFT, REDIRECT),
            // Closed more than once, so no one kind of op is needed: GuardsTest holds each guard on its own.
            Row.of("the metadata service is closed to the pod, open to its VM", CheckTable::metadata)
                    .under(BY_WORKER)
                    .under(BY_POD_VM)
                    .under(BY_POD_VM_UNLISTED),
            Row.of("its VM's management port is closed to the pod, open to the worker", CheckTable::managementPort)
                    .under(BY_WORKER, NFT)
                    .under(BY_POD_VM, NFT)
                    .under(BY_POD_VM_UNLISTED, NFT));

    private CheckTable() {}

    public static List<Row> rows(PodConnection setting) {
        return ROWS.stream().filter(row -> row.isUnder(setting)).toList();
    }

    /** Looks at every row of the pod's kind of connection; tells of each as soon as it is known. */
    public static List<Finding> look(PodTopology topology, Consumer<Finding> eachTime) {
        return rows(topology.setting()).stream()
                .map(row -> {
                    Finding finding = new Finding(row, topology.setting(), row.look(topology));
                    eachTime.accept(finding);
                    return finding;
                })
                .toList();
    }

    private static Proof toNeighbour(PodTopology topology) {
        return Probes.fromPod(
                topology, topology.cluster().neighbour(), topology.cluster().neighbourAddress());
    }

    private static Proof toDistant(PodTopology topology) {
        return Probes.fromPod(
                topology, topology.cluster().distant(), topology.cluster().distantAddress());
    }

    private static Proof fromNeighbour(PodTopology topology) {
        return Probes.toPod(
                topology, topology.cluster().neighbour(), topology.cluster().neighbourAddress());
    }

    private static Proof fromDistant(PodTopology topology) {
        return Probes.toPod(
                topology, topology.cluster().distant(), topology.cluster().distantAddress());
    }

    private static Proof fromBridge(PodTopology topology) {
        return Probes.toPod(topology, topology.worker(), topology.cluster().bridgeAddress());
    }

    private static Proof fromNode(PodTopology topology) {
        return Probes.toPod(topology, topology.worker(), topology.cluster().workerAddress());
    }

    private static Proof fromStranger(PodTopology topology) {
        return Probes.toPod(
                topology, topology.cluster().stranger(), topology.cluster().strangerAddress());
    }

    private static Proof service(PodTopology topology) {
        InetAddress service = topology.cluster().serviceAddress();
        try (Counter arrived = topology.worker().count("prerouting", Probes.flow(topology.podAddress(), service))) {
            topology.shell().run(Probes.datagram(service, 9));
            long packets = arrived.packets();
            return new Proof(packets == 1, packets + " seen on the worker");
        }
    }

    private static Proof ownServiceRouted(PodTopology topology) throws Exception {
        return OwnService.reached(topology, false);
    }

    private static Proof ownServiceBridged(PodTopology topology) throws Exception {
        return OwnService.reached(topology, true);
    }

    private static Proof name(PodTopology topology) {
        Cluster cluster = topology.cluster();
        try (Counter arrived = topology.worker()
                .count("prerouting", Probes.flow(topology.podAddress(), cluster.nameServer()) + " udp dport 53")) {
            Ran asked = topology.shell().run(Probes.question(cluster.nameServer(), Cluster.NAME));
            long packets = arrived.packets();
            boolean answered = Probes.answers(asked, cluster.distantAddress());
            return new Proof(
                    answered && packets > 0,
                    packets + " questions seen on the worker, "
                            + (answered
                                    ? Cluster.NAME + " is " + Probes.text(cluster.distantAddress())
                                    : "no answer " + asked.output().strip()));
        }
    }

    private static Proof internetByWorker(PodTopology topology) {
        InetAddress internet = topology.cluster().internetAddress();
        try (Counter crossed = topology.worker().count("forward", Probes.echo(topology.podAddress(), internet))) {
            Ran ping = topology.pingFromPod(internet);
            long packets = crossed.packets();
            return new Proof(
                    ping.ok() && packets == 1,
                    packets + " seen on the worker" + (ping.ok() ? ", answered" : ", not answered"));
        }
    }

    private static Proof internetBySecondNic(PodTopology topology) {
        InetAddress internet = topology.cluster().internetAddress();
        InetAddress secondary =
                topology.secondary().orElseThrow(() -> new IllegalStateException("the VM has no second NIC"));
        try (Counter worker = topology.worker().count("prerouting", Probes.to(internet));
                Counter router = topology.cluster().router().count("prerouting", Probes.echo(secondary, internet))) {
            Ran ping = topology.pingFromPod(internet);
            long direct = router.packets();
            long detour = worker.packets();
            return new Proof(
                    ping.ok() && direct == 1 && detour == 0,
                    direct + " from " + Probes.text(secondary) + " seen in the VPC's router, " + detour
                            + " on the worker" + (ping.ok() ? ", answered" : ", not answered"));
        }
    }

    private static Proof largest(PodTopology topology) {
        int bytes = topology.setting().podMtu();
        InetAddress other = topology.cluster().distantAddress();
        long cutBefore = cut(topology);
        Proof out;
        try (Counter arrived = topology.cluster()
                .distant()
                .count("prerouting", Probes.echo(topology.podAddress(), other) + " ip length " + bytes)) {
            Ran ping = topology.pingFromPod(other, Probes.whole(bytes));
            long packets = arrived.packets();
            out = new Proof(ping.ok() && packets == 1, packets + " of " + bytes + " bytes seen at the cluster pod");
        }
        Proof in;
        try (Counter arrived = topology.inVm()
                .count("prerouting", Probes.echo(other, topology.podAddress()) + " ip length " + bytes)) {
            Ran ping = topology.pingToPod(topology.cluster().distant(), Probes.whole(bytes));
            long packets = arrived.packets();
            in = new Proof(ping.ok() && packets == 1, packets + " in the pod");
        }
        long cut = cut(topology) - cutBefore;
        return out.and(in).and(new Proof(cut == 0, cut + " outer fragments"));
    }

    private static Proof tooLarge(PodTopology topology) {
        int bytes = topology.setting().podMtu() + 1;
        InetAddress other = topology.cluster().neighbourAddress();
        long cutBefore = cut(topology);
        try (Counter left =
                topology.vm().count("postrouting", "udp dport " + Cluster.VXLAN_PORT + " ip length > " + bytes)) {
            Ran ping = topology.pingFromPod(other, Probes.whole(bytes));
            boolean refused = !ping.ok() && ping.output().contains("mtu");
            long packets = left.packets();
            long cut = cut(topology) - cutBefore;
            return new Proof(
                    refused && packets == 0 && cut == 0,
                    (refused ? bytes + " bytes refused in the pod, " : "not refused in the pod, ") + packets
                            + " left the VM");
        }
    }

    /** Outer fragments that worker and VM have made so far. */
    private static long cut(PodTopology topology) {
        return Snmp.of(topology.worker(), "FragCreates") + Snmp.of(topology.vm(), "FragCreates");
    }

    private static Proof untracked(PodTopology topology) {
        String tunnel = "udp dport " + Cluster.VXLAN_PORT;
        // Connection tracking itself is at -200: behind it a packet is tracked or exempt.
        try (Counter workerAll = Counter.in(topology.worker(), "prerouting", -150, tunnel);
                Counter workerTracked =
                        Counter.in(topology.worker(), "prerouting", -150, tunnel + " ct state != untracked");
                Counter vmAll = Counter.in(topology.vm(), "prerouting", -150, tunnel);
                Counter vmTracked = Counter.in(topology.vm(), "prerouting", -150, tunnel + " ct state != untracked")) {
            topology.pingFromPod(topology.cluster().neighbourAddress());
            long all = Math.min(workerAll.packets(), vmAll.packets());
            long tracked = workerTracked.packets() + vmTracked.packets();
            return new Proof(all > 0 && tracked == 0, all + " each way, " + tracked + " tracked");
        }
    }

    private static Proof metadata(PodTopology topology) {
        InetAddress service = Cluster.METADATA;
        try (Counter left = topology.inVm().count("postrouting", Probes.to(service));
                Counter worker = topology.worker().count("prerouting", Probes.flow(topology.podAddress(), service))) {
            Ran fromPod = topology.shell().run(Probes.connect(service, 80));
            Ran fromVm = Ran.run(topology.vm().inside(Probes.connect(service, 80)));
            long out = left.packets() + worker.packets();
            return new Proof(
                    !fromPod.ok() && fromVm.ok() && out == 0,
                    out + " left the pod" + (fromPod.ok() ? ", connected" : "")
                            + (fromVm.ok() ? "" : ", closed to the VM, too"));
        }
    }

    private static Proof managementPort(PodTopology topology) {
        String port = " tcp dport " + Cluster.AGENT_PORT;
        try (Counter fromPods = topology.vm()
                .count(
                        "prerouting",
                        Probes.to(topology.vmAddress()) + port + " ip saddr != "
                                + Probes.text(topology.cluster().workerAddress()))) {
            Ran fromPod = topology.shell().run(Probes.connect(topology.vmAddress(), Cluster.AGENT_PORT));
            Ran fromWorker =
                    Ran.run(topology.worker().inside(Probes.connect(topology.vmAddress(), Cluster.AGENT_PORT)));
            return new Proof(
                    !fromPod.ok() && fromWorker.ok(),
                    (fromPod.ok() ? "connected, " : "refused, ") + fromPods.packets() + " arrived at the VM"
                            + (fromWorker.ok() ? "" : ", closed to the worker, too"));
        }
    }
}
