package io.peerpods.vpc.service;

import io.peerpods.linux.IpAddresses;
import io.peerpods.vpc.model.Nic;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.net.Names;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What the metadata service answers about one VM: the paths of EC2's below {@code /latest/meta-data/} that a machine asks for at boot.
 * A path that ends in a directory lists its entries, directories with a slash.
 */
public final class MetadataTree {

    private final TreeMap<String, String> values = new TreeMap<>();

    private MetadataTree() {}

    static MetadataTree of(Vm vm, VpcSpec spec) {
        MetadataTree tree = new MetadataTree();
        Nic primary = vm.primary();
        tree.put("ami-id", "ami-" + Names.hash("image"));
        tree.put("hostname", vm.hostname());
        tree.put("instance-id", vm.id());
        tree.put("instance-type", "room.namespace");
        tree.put("local-hostname", vm.hostname());
        tree.put("local-ipv4", IpAddresses.text(primary.ip()));
        tree.put("mac", primary.mac().toString());
        tree.put("placement/availability-zone", "room-1a");
        tree.put("placement/region", "room-1");
        vm.attachedNics().forEach(nic -> tree.putNic(vm, nic, spec));
        for (Map.Entry<String, String> given : vm.metadata().entrySet()) {
            tree.put(given.getKey(), given.getValue());
        }
        return tree;
    }

    private void putNic(Vm vm, Nic nic, VpcSpec spec) {
        String at = "network/interfaces/macs/" + nic.mac() + "/";
        String subnet = spec.subnets().get(nic.subnet()).cidr().toString();
        put(at + "device-number", Integer.toString(nic.device()));
        put(at + "interface-id", "eni-" + Names.hash(vm.id() + "/" + nic.device()));
        put(at + "local-hostname", vm.hostname());
        put(at + "local-ipv4s", IpAddresses.text(nic.ip()));
        put(at + "mac", nic.mac().toString());
        put(at + "subnet-id", "subnet-" + Names.hash(subnet));
        put(at + "subnet-ipv4-cidr-block", subnet);
        put(at + "vpc-id", "vpc-" + Names.hash("vpc"));
        String blocks =
                spec.subnets().stream().map(one -> one.cidr().toString()).collect(Collectors.joining("\n"));
        put(at + "vpc-ipv4-cidr-block", subnet);
        put(at + "vpc-ipv4-cidr-blocks", blocks);
    }

    /** The answer of a path below {@code /latest/meta-data/}, or empty when there is none. */
    Optional<String> get(String path) {
        String exact = values.get(strip(path));
        if (exact != null) {
            return Optional.of(exact);
        }
        String directory = strip(path).isEmpty() ? "" : strip(path) + "/";
        String entries = values.tailMap(directory).keySet().stream()
                .takeWhile(key -> key.startsWith(directory))
                .map(key -> key.substring(directory.length()))
                .map(rest -> rest.contains("/") ? rest.substring(0, rest.indexOf('/') + 1) : rest)
                .distinct()
                .collect(Collectors.joining("\n"));
        return entries.isEmpty() ? Optional.empty() : Optional.of(entries);
    }

    private void put(String path, String value) {
        values.put(strip(path), value);
    }

    private static String strip(String path) {
        int from = 0;
        int to = path.length();
        while (from < to && path.charAt(from) == '/') {
            from++;
        }
        while (to > from && path.charAt(to - 1) == '/') {
            to--;
        }
        return path.substring(from, to);
    }
}
