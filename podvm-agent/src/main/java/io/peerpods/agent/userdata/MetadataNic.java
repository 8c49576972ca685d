package io.peerpods.agent.userdata;

import java.util.List;

/**
 * A NIC of this instance as the metadata service describes it, its values unread.
 *
 * @param mac hardware address
 * @param deviceNumber 0 for the primary, 1 for the first that was attached beside it
 * @param addresses IPv4 addresses, the primary one first
 * @param subnet CIDR block of its subnet
 */
public record MetadataNic(String mac, int deviceNumber, List<String> addresses, String subnet) {
    public MetadataNic {
        addresses = List.copyOf(addresses);
    }
}
