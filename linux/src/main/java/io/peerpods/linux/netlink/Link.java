package io.peerpods.linux.netlink;

import io.peerpods.linux.MacAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network interface as the kernel lists it.
 *
 * @param index number within its namespace
 * @param kind {@code veth}, {@code vxlan}, {@code bridge}, ...; empty for a physical NIC and lo
 * @param mac null where the link has none of 48 bits
 * @param up administratively up
 * @param carrier up and connected
 * @param alias text that its owner left, usually empty
 * @param lower index of the link below or of a veth's other end, 0 for none; in namespace {@code lowerNetns}
 * @param lowerNetns number that this namespace knows the other namespace by, -1 for the same
 * @param master index of the bridge it is a port of, 0 for none
 * @param vxlan what makes it one vxlan and no other (without device name), null for other kinds
 * @param vxlanDevice index of the vxlan's device in its underlay namespace, 0 for none
 * @param vxlanReceive options of the vxlan, in {@code ip link}'s words, for which the kernel lets it share a UDP port only with a vxlan
 *     that has the same ones; empty by default
 */
public record Link(
        int index,
        String name,
        String kind,
        @Nullable MacAddress mac,
        int mtu,
        boolean up,
        boolean carrier,
        boolean loopback,
        String alias,
        int lower,
        int lowerNetns,
        int master,
        @Nullable VxlanAttributes vxlan,
        int vxlanDevice,
        List<String> vxlanReceive,
        LinkCounters counters) {}
