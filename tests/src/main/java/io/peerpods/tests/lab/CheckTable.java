package io.peerpods.tests.lab;

import static io.peerpods.tests.lab.OpKind.MOVE;
import static io.peerpods.tests.lab.OpKind.MTU;
import static io.peerpods.tests.lab.OpKind.NEIGHBOUR;
import static io.peerpods.tests.lab.OpKind.NFT;
import static io.peerpods.tests.lab.OpKind.REDIRECT;
import static io.peerpods.tests.lab.OpKind.ROUTE;
import static io.peerpods.tests.lab.OpKind.RULE;
import static io.peerpods.tests.lab.Setting.BY_POD_VM;
import static io.peerpods.tests.lab.Setting.BY_POD_VM_JUMBO;
import static io.peerpods.tests.lab.Setting.BY_POD_VM_UNLISTED;
import static io.peerpods.tests.lab.Setting.BY_WORKER;
import static io.peerpods.tests.lab.Setting.BY_WORKER_ROUTED;

import io.peerpods.tests.lab.Row.Proof;
import java.net.InetAddress;
import java.util.List;
import java.util.function.Consumer;

/** What must be so of a pod on its own VM: the rows, in the order in which they are shown, and how they are looked at. */
public final class CheckTable {

    /** A row and what was found. */
    public record Finding(Row row, Setting setting, Proof proof) {}

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
            Row.of("a VXLAN frame forged by a third host does not reach the pod", Forgery::toPod)
                    .under(BY_WORKER, NFT)
                    .under(BY_POD_VM, NFT),
            Row.of("a VXLAN frame forged by a third host does not come out on the worker", Forgery::toWorker)
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

    public static List<Row> rows(Setting setting) {
        return ROWS.stream().filter(row -> row.isUnder(setting)).toList();
    }

    /** Looks at every row of the scene's setting; tells of each as soon as it is known. */
    public static List<Finding> look(Scene scene, Consumer<Finding> eachTime) {
        return rows(scene.setting()).stream()
                .map(row -> {
                    Finding finding = new Finding(row, scene.setting(), row.look(scene));
                    eachTime.accept(finding);
                    return finding;
                })
                .toList();
    }

    private static Proof toNeighbour(Scene scene) {
        return Probes.fromPod(
                scene, scene.cluster().neighbour(), scene.cluster().neighbourAddress());
    }

    private static Proof toDistant(Scene scene) {
        return Probes.fromPod(scene, scene.cluster().distant(), scene.cluster().distantAddress());
    }

    private static Proof fromNeighbour(Scene scene) {
        return Probes.toPod(scene, scene.cluster().neighbour(), scene.cluster().neighbourAddress());
    }

    private static Proof fromDistant(Scene scene) {
        return Probes.toPod(scene, scene.cluster().distant(), scene.cluster().distantAddress());
    }

    private static Proof fromBridge(Scene scene) {
        return Probes.toPod(scene, scene.worker(), scene.cluster().bridgeAddress());
    }

    private static Proof fromNode(Scene scene) {
        return Probes.toPod(scene, scene.worker(), scene.cluster().workerAddress());
    }

    private static Proof fromStranger(Scene scene) {
        return Probes.toPod(scene, scene.cluster().stranger(), scene.cluster().strangerAddress());
    }

    private static Proof service(Scene scene) {
        InetAddress service = scene.cluster().serviceAddress();
        try (Counter arrived = scene.worker().count("prerouting", Probes.flow(scene.podAddress(), service))) {
            scene.shell().run(Probes.datagram(service, 9));
            long packets = arrived.packets();
            return new Proof(packets == 1, packets + " seen on the worker");
        }
    }

    private static Proof ownServiceRouted(Scene scene) throws Exception {
        return OwnService.reached(scene, false);
    }

    private static Proof ownServiceBridged(Scene scene) throws Exception {
        return OwnService.reached(scene, true);
    }

    private static Proof name(Scene scene) {
        Cluster cluster = scene.cluster();
        try (Counter arrived = scene.worker()
                .count("prerouting", Probes.flow(scene.podAddress(), cluster.nameServer()) + " udp dport 53")) {
            Ran asked = scene.shell().run(Probes.question(cluster.nameServer(), Cluster.NAME));
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

    private static Proof internetByWorker(Scene scene) {
        InetAddress internet = scene.cluster().internetAddress();
        try (Counter crossed = scene.worker().count("forward", Probes.echo(scene.podAddress(), internet))) {
            Ran ping = scene.pingFromPod(internet);
            long packets = crossed.packets();
            return new Proof(
                    ping.ok() && packets == 1,
                    packets + " seen on the worker" + (ping.ok() ? ", answered" : ", not answered"));
        }
    }

    private static Proof internetBySecondNic(Scene scene) {
        InetAddress internet = scene.cluster().internetAddress();
        InetAddress secondary =
                scene.secondary().orElseThrow(() -> new IllegalStateException("the VM has no second NIC"));
        try (Counter worker = scene.worker().count("prerouting", Probes.to(internet));
                Counter router = scene.cluster().router().count("prerouting", Probes.echo(secondary, internet))) {
            Ran ping = scene.pingFromPod(internet);
            long direct = router.packets();
            long detour = worker.packets();
            return new Proof(
                    ping.ok() && direct == 1 && detour == 0,
                    direct + " from " + Probes.text(secondary) + " seen in the VPC's router, " + detour
                            + " on the worker" + (ping.ok() ? ", answered" : ", not answered"));
        }
    }

    private static Proof largest(Scene scene) {
        int bytes = scene.setting().podMtu();
        InetAddress other = scene.cluster().distantAddress();
        long cutBefore = cut(scene);
        Proof out;
        try (Counter arrived = scene.cluster()
                .distant()
                .count("prerouting", Probes.echo(scene.podAddress(), other) + " ip length " + bytes)) {
            Ran ping = scene.pingFromPod(other, Probes.whole(bytes));
            long packets = arrived.packets();
            out = new Proof(ping.ok() && packets == 1, packets + " of " + bytes + " bytes seen at the cluster pod");
        }
        Proof in;
        try (Counter arrived =
                scene.inVm().count("prerouting", Probes.echo(other, scene.podAddress()) + " ip length " + bytes)) {
            Ran ping = scene.pingToPod(scene.cluster().distant(), Probes.whole(bytes));
            long packets = arrived.packets();
            in = new Proof(ping.ok() && packets == 1, packets + " in the pod");
        }
        long cut = cut(scene) - cutBefore;
        return out.and(in).and(new Proof(cut == 0, cut + " outer fragments"));
    }

    private static Proof tooLarge(Scene scene) {
        int bytes = scene.setting().podMtu() + 1;
        InetAddress other = scene.cluster().neighbourAddress();
        long cutBefore = cut(scene);
        try (Counter left =
                scene.vm().count("postrouting", "udp dport " + Cluster.VXLAN_PORT + " ip length > " + bytes)) {
            Ran ping = scene.pingFromPod(other, Probes.whole(bytes));
            boolean refused = !ping.ok() && ping.output().contains("mtu");
            long packets = left.packets();
            long cut = cut(scene) - cutBefore;
            return new Proof(
                    refused && packets == 0 && cut == 0,
                    (refused ? bytes + " bytes refused in the pod, " : "not refused in the pod, ") + packets
                            + " left the VM");
        }
    }

    /** Outer fragments that worker and VM have made so far. */
    private static long cut(Scene scene) {
        return Snmp.of(scene.worker(), "FragCreates") + Snmp.of(scene.vm(), "FragCreates");
    }

    private static Proof untracked(Scene scene) {
        String tunnel = "udp dport " + Cluster.VXLAN_PORT;
        // Connection tracking itself is at -200: behind it a packet is tracked or exempt.
        try (Counter workerAll = Counter.in(scene.worker(), "prerouting", -150, tunnel);
                Counter workerTracked =
                        Counter.in(scene.worker(), "prerouting", -150, tunnel + " ct state != untracked");
                Counter vmAll = Counter.in(scene.vm(), "prerouting", -150, tunnel);
                Counter vmTracked = Counter.in(scene.vm(), "prerouting", -150, tunnel + " ct state != untracked")) {
            scene.pingFromPod(scene.cluster().neighbourAddress());
            long all = Math.min(workerAll.packets(), vmAll.packets());
            long tracked = workerTracked.packets() + vmTracked.packets();
            return new Proof(all > 0 && tracked == 0, all + " each way, " + tracked + " tracked");
        }
    }

    private static Proof metadata(Scene scene) {
        InetAddress service = Cluster.METADATA;
        try (Counter left = scene.inVm().count("postrouting", Probes.to(service));
                Counter worker = scene.worker().count("prerouting", Probes.flow(scene.podAddress(), service))) {
            Ran fromPod = scene.shell().run(Probes.connect(service, 80));
            Ran fromVm = Ran.run(scene.vm().inside(Probes.connect(service, 80)));
            long out = left.packets() + worker.packets();
            return new Proof(
                    !fromPod.ok() && fromVm.ok() && out == 0,
                    out + " left the pod" + (fromPod.ok() ? ", connected" : "")
                            + (fromVm.ok() ? "" : ", closed to the VM, too"));
        }
    }

    private static Proof managementPort(Scene scene) {
        String port = " tcp dport " + Cluster.AGENT_PORT;
        try (Counter fromPods = scene.vm()
                .count(
                        "prerouting",
                        Probes.to(scene.vmAddress()) + port + " ip saddr != "
                                + Probes.text(scene.cluster().workerAddress()))) {
            Ran fromPod = scene.shell().run(Probes.connect(scene.vmAddress(), Cluster.AGENT_PORT));
            Ran fromWorker = Ran.run(scene.worker().inside(Probes.connect(scene.vmAddress(), Cluster.AGENT_PORT)));
            return new Proof(
                    !fromPod.ok() && fromWorker.ok(),
                    (fromPod.ok() ? "connected, " : "refused, ") + fromPods.packets() + " arrived at the VM"
                            + (fromWorker.ok() ? "" : ", closed to the worker, too"));
        }
    }
}
