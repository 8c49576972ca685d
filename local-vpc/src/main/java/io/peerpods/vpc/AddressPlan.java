package io.peerpods.vpc;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.MacAddress;
import io.peerpods.vpc.model.Nic;
import io.peerpods.vpc.model.NicRequest;
import io.peerpods.vpc.model.NoFreeAddressException;
import io.peerpods.vpc.model.Subnet;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.net.Names;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Gives addresses and numbers to what joins a local VPC. Its caller holds the lock of the files. */
final class AddressPlan {

    private final VpcFiles files;
    private final Names names;
    private final VpcSpec spec;

    AddressPlan(VpcFiles files, Names names, VpcSpec spec) {
        this.files = files;
        this.names = names;
        this.spec = spec;
    }

    Nic define(String id, int index, int device, NicRequest wanted, Set<InetAddress> taken) {
        if (wanted.subnet() < 0 || wanted.subnet() >= spec.subnets().size()) {
            throw new IllegalArgumentException("the VPC has no subnet " + wanted.subnet() + ", only "
                    + spec.subnets().size() + ", counted from 0");
        }
        Subnet subnet = spec.subnets().get(wanted.subnet());
        InetAddress address = wanted.address();
        if (address == null) {
            address = freeAddress(subnet, taken);
        } else if (!subnet.cidr().contains(address) || taken.contains(address)) {
            throw new IllegalArgumentException(IpAddresses.text(address) + " is "
                    + (taken.contains(address) ? "in use" : "not in " + subnet.cidr()));
        }
        MacAddress mac = wanted.mac();
        return new Nic(
                "ens" + (5 + device),
                device,
                wanted.subnet(),
                mac == null ? names.mac(id + " " + device) : mac,
                subnet.prefix(address),
                subnet.gateway(),
                "v" + index + "n" + device,
                wanted.arrival(),
                wanted.arrival().isZero());
    }

    Set<InetAddress> taken() {
        Set<InetAddress> taken = new HashSet<>();
        spec.subnets().forEach(subnet -> taken.add(subnet.gateway()));
        files.allNodes().forEach(node -> taken.add(node.ip()));
        files.allVms().forEach(vm -> vm.nics().forEach(nic -> taken.add(nic.ip())));
        return taken;
    }

    void requireFree(InetAddress address) {
        if (taken().contains(address)) {
            throw new IllegalArgumentException(IpAddresses.text(address) + " is in use in this VPC");
        }
    }

    /** Past the first few, which EC2 keeps for itself and people give to workers. */
    private static InetAddress freeAddress(Subnet subnet, Set<InetAddress> taken) {
        long first = subnet.size() > 1024 ? 258 : Math.min(10, subnet.size() / 4);
        for (long offset = first; offset < subnet.size() - 1; offset++) {
            InetAddress address = subnet.host(offset);
            if (!taken.contains(address)) {
                return address;
            }
        }
        throw new NoFreeAddressException("subnet " + subnet.cidr() + " has no free address");
    }

    int subnetOf(InetAddress address) {
        for (int i = 0; i < spec.subnets().size(); i++) {
            if (spec.subnets().get(i).cidr().contains(address)) {
                return i;
            }
        }
        throw new IllegalArgumentException(
                IpAddresses.text(address) + " is in none of the VPC's subnets " + spec.subnets());
    }

    static int freeIndex(List<Integer> used) {
        int index = 0;
        while (used.contains(index)) {
            index++;
        }
        return index;
    }
}
