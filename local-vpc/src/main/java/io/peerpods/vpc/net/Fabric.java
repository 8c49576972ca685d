package io.peerpods.vpc.net;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.vpc.model.Nic;
import io.peerpods.vpc.model.Subnet;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcAddresses;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.model.WorkerNode;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The simulated VPC in the kernel: a bridge a subnet, a router between them and the internet, and the rules that make the bridges
 * behave as EC2's network. Everything can be made again over what is there.
 *
 * <pre>
 * internet 203.0.113.10 - 198.51.100.0/24 - router (NAT, metadata, DNS)
 *                                             | r0 ... rN
 *   vpc:                                   vpcbr0 ... vpcbrN
 *                                             |  NICs of workers and VMs
 * </pre>
 */
public final class Fabric {

    public static final InetAddress INTERNET = IpAddresses.parse("203.0.113.10");
    private static final IpPrefix ROUTER_OUTSIDE = IpPrefix.of("198.51.100.1/24");
    private static final IpPrefix INTERNET_INSIDE = IpPrefix.of("198.51.100.2/24");
    private static final int PRIMARY_METRIC = 100;

    private final Names names;
    private final VpcSpec spec;

    public Fabric(Names names, VpcSpec spec) {
        this.names = names;
        this.spec = spec;
    }

    public void build() {
        try (NamespaceLinks vpc = NamespaceLinks.make(names.vpc());
                NamespaceLinks router = NamespaceLinks.make(names.router());
                NamespaceLinks internet = NamespaceLinks.make(names.internet())) {
            quietBridges(vpc);
            for (int i = 0; i < spec.subnets().size(); i++) {
                Subnet subnet = spec.subnets().get(i);
                vpc.bridge(Names.bridge(i), spec.mtu());
                router.cable(Names.routerLink(i), routerMac(i), vpc, Names.routerPort(i), spec.mtu());
                vpc.master(Names.routerPort(i), Names.bridge(i));
                router.address(Names.routerLink(i), subnet.prefix(subnet.gateway()));
                router.sysctl("net.ipv4.conf." + Names.routerLink(i) + ".send_redirects", "0");
            }
            router.cable(Names.INTERNET_LINK, names.mac("router internet"), internet, "eth0", spec.mtu());
            router.address(Names.INTERNET_LINK, ROUTER_OUTSIDE);
            router.address("lo", IpPrefix.of(VpcAddresses.METADATA));
            router.address("lo", IpPrefix.of(VpcAddresses.DNS));
            router.sysctl("net.ipv4.conf.all.send_redirects", "0");
            router.sysctl("net.ipv4.ip_forward", "1");
            router.route(IpPrefix.IPV4_DEFAULT, INTERNET_INSIDE.address(), Names.INTERNET_LINK);
            internet.address("eth0", INTERNET_INSIDE);
            internet.address("lo", IpPrefix.of(INTERNET));
            internet.route(IpPrefix.IPV4_DEFAULT, ROUTER_OUTSIDE.address(), "eth0");
            router.nft(FabricRules.router(Names.INTERNET_LINK, spec.behaviour()));
        }
    }

    /** What tells this VPC's namespaces from those of another life of the machine. */
    public List<String> identities() {
        List<String> identities = new ArrayList<>();
        for (String name : List.of(names.vpc(), names.router(), names.internet())) {
            if (Netns.exists(Names.file(name))) {
                try (Netns netns = Netns.open(Names.file(name))) {
                    identities.add(netns.identity().toString());
                }
            }
        }
        return identities;
    }

    /** Whether the VPC whose namespaces those were is there, complete. */
    public boolean isBuilt(List<String> identities) {
        return !identities.isEmpty() && identities.equals(identities());
    }

    /** Bridged frames must not meet the iptables chains of the namespace; the sysctls exist only with the module. */
    private static void quietBridges(NamespaceLinks vpc) {
        for (String family : List.of("iptables", "ip6tables", "arptables")) {
            String key = "net.bridge.bridge-nf-call-" + family;
            if (Files.exists(Path.of("/proc/sys/net/bridge"))) {
                vpc.sysctl(key, "0");
            }
        }
    }

    /** Tells the fabric who is on which port. */
    public void ports(List<Vm> vms, List<WorkerNode> nodes) {
        List<FabricRules.Port> ports = new ArrayList<>();
        for (int i = 0; i < spec.subnets().size(); i++) {
            ports.add(new FabricRules.Port(
                    Names.routerPort(i), routerMac(i), spec.subnets().get(i).gateway(), false, true));
        }
        for (WorkerNode node : nodes) {
            ports.add(new FabricRules.Port(node.port(), node.mac(), node.ip(), false, true));
        }
        for (Vm vm : vms) {
            for (Nic nic : vm.attachedNics()) {
                ports.add(new FabricRules.Port(nic.port(), nic.mac(), nic.ip(), true, nic.device() == 0));
            }
        }
        try (NamespaceLinks vpc = NamespaceLinks.open(Names.file(names.vpc()))) {
            vpc.nft(FabricRules.fabric(ports, spec.behaviour()));
        }
    }

    /** Plugs a VM's NIC in and, as a DHCP client would, configures it. */
    public void plug(Vm vm, Nic nic) {
        try (NamespaceLinks machine = NamespaceLinks.open(vm.namespace());
                NamespaceLinks vpc = NamespaceLinks.open(Names.file(names.vpc()))) {
            machine.cable(nic.name(), nic.mac(), vpc, nic.port(), spec.mtu());
            vpc.master(nic.port(), Names.bridge(nic.subnet()));
            if (nic.device() > 0 && !spec.behaviour().secondaryNicConfigured()) {
                return;
            }
            machine.address(nic.name(), nic.address());
            if (nic.device() == 0 || spec.behaviour().defaultRouteOnEveryNic()) {
                machine.defaultRoute(nic.gateway(), nic.name(), PRIMARY_METRIC * (nic.device() + 1));
            }
        }
    }

    /** Takes the VM's NICs away, wherever they have been moved to, and then its namespace. */
    public void unplug(Vm vm) {
        if (Netns.exists(Names.file(names.vpc()))) {
            try (NamespaceLinks vpc = NamespaceLinks.open(Names.file(names.vpc()))) {
                vm.nics().forEach(nic -> vpc.remove(nic.port()));
            }
        }
        Netns.delete(names.vm(vm.id()));
    }

    /** Cables a worker to the VPC. */
    public void connect(WorkerNode node) {
        try (NamespaceLinks space = node.isAttached()
                        ? NamespaceLinks.open(node.namespace())
                        : NamespaceLinks.make(names.node(node.name()));
                NamespaceLinks vpc = NamespaceLinks.open(Names.file(names.vpc()))) {
            space.cable(node.link(), node.mac(), vpc, node.port(), spec.mtu());
            vpc.master(node.port(), Names.bridge(node.subnet()));
            space.address(node.link(), node.address());
            if (!node.isAttached()) {
                space.defaultRoute(spec.subnets().get(node.subnet()).gateway(), node.link(), PRIMARY_METRIC);
                space.sysctl("net.ipv4.ip_forward", "1");
            }
        }
    }

    MacAddress routerMac(int subnet) {
        return names.mac("router " + subnet);
    }
}
