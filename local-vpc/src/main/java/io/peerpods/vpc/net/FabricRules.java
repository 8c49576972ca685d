package io.peerpods.vpc.net;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.vpc.model.VpcAddresses;
import io.peerpods.vpc.model.VpcBehaviour;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The VPC's fabric as nftables rulesets: what a bridge would do and EC2's network does not. Each text replaces its table as a whole
 * in one transaction, so the ruleset is a function of the VPC's files and never drifts from them.
 */
public final class FabricRules {

    /** Where the metadata service of every VM is. */
    private FabricRules() {}

    /**
     * A NIC on the fabric.
     *
     * @param name the port's name in the VPC's namespace
     * @param checked whether its packets must come from its own address; a worker's need not, it routes for its pods
     */
    record Port(String name, MacAddress mac, InetAddress address, boolean checked, boolean primary) {}

    /** The rules of the namespace with the VPC's bridges. */
    static String fabric(List<Port> ports, VpcBehaviour behaviour) {
        List<String> lines = new ArrayList<>();
        lines.add("add table bridge room");
        lines.add("delete table bridge room");
        lines.add("table bridge room {");
        List<Port> checked = ports.stream().filter(Port::checked).toList();
        lines.add(set("checked", "ifname", checked, port -> quoted(port.name())));
        lines.add(set(
                "own",
                "ifname . ether_addr . ipv4_addr",
                checked,
                port -> quoted(port.name()) + " . " + port.mac() + " . " + IpAddresses.text(port.address())));
        lines.add(set("ports", "ifname . ether_addr", ports, port -> quoted(port.name()) + " . " + port.mac()));
        lines.add(set(
                "secondary",
                "ifname",
                checked.stream().filter(port -> !port.primary()).toList(),
                port -> quoted(port.name())));
        lines.add("chain from_nic { type filter hook prerouting priority -200; policy accept;");
        if (behaviour.sourceCheck()) {
            lines.add("iifname @checked ether type ip iifname . ether saddr . ip saddr != @own counter drop");
            lines.add("iifname @checked ether type arp iifname . ether saddr . arp saddr ip != @own counter drop");
            lines.add("iifname @checked ether type != { ip, arp } counter drop");
        }
        if (behaviour.multicastDropped()) {
            lines.add("meta pkttype { broadcast, multicast } ether type != arp counter drop");
        }
        if (!behaviour.metadataOnEveryNic()) {
            lines.add("iifname @secondary ip daddr " + IpAddresses.text(VpcAddresses.METADATA) + " counter drop");
        }
        lines.add("}");
        lines.add("chain to_nic { type filter hook forward priority 0; policy accept;");
        if (behaviour.floodingDropped()) {
            lines.add(
                    "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 oifname . ether daddr != @ports counter drop");
        }
        lines.add("}");
        lines.add("}");
        return String.join("\n", lines) + "\n";
    }

    /** The rules of the router: addresses of the VPC leave under its own, and the metadata service's answers live one hop. */
    static String router(String internetLink, VpcBehaviour behaviour) {
        List<String> lines = new ArrayList<>();
        lines.add("add table ip room");
        lines.add("delete table ip room");
        lines.add("table ip room {");
        lines.add("chain leave { type nat hook postrouting priority srcnat; policy accept;");
        if (behaviour.nat()) {
            lines.add("oifname " + quoted(internetLink) + " masquerade");
        }
        lines.add("}");
        lines.add("chain answer { type filter hook output priority 0; policy accept;");
        if (behaviour.metadataHopLimit()) {
            lines.add("ip saddr " + IpAddresses.text(VpcAddresses.METADATA) + " ip ttl set 1");
        }
        lines.add("}");
        // The metadata service is the NICs' own; the internet has none, and it never routes link-local addresses.
        lines.add("chain through { type filter hook forward priority 0; policy accept;");
        lines.add("ip daddr 169.254.0.0/16 drop");
        lines.add("}");
        lines.add("}");
        return String.join("\n", lines) + "\n";
    }

    /** The rules that a node with a bridge CNI plugin and masquerading has: only cluster addresses are forwarded. */
    static String worker(IpPrefix clusterCidr) {
        return """
                add table ip cni
                delete table ip cni
                table ip cni {
                  chain forward { type filter hook forward priority 0; policy drop;
                    ip saddr %1$s accept
                    ip daddr %1$s accept
                  }
                  chain leave { type nat hook postrouting priority srcnat; policy accept;
                    ip saddr %1$s ip daddr != %1$s masquerade
                  }
                }
                """.formatted(clusterCidr);
    }

    private static String set(String name, String type, List<Port> ports, Function<Port, String> element) {
        String elements = ports.isEmpty()
                ? ""
                : " elements = { " + ports.stream().map(element).collect(Collectors.joining(", ")) + " };";
        return "set " + name + " { type " + type + ";" + elements + " }";
    }

    private static String quoted(String link) {
        return '"' + link + '"';
    }
}
