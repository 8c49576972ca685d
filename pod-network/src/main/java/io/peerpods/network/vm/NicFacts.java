package io.peerpods.network.vm;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a cloud's metadata service says of one NIC of this VM.
 *
 * @param deviceNumber 0 for the primary NIC
 * @param addresses with the prefix length of the subnet; may be empty
 * @param gateway of the subnet, null when not known
 */
public record NicFacts(
        MacAddress mac,
        int deviceNumber,
        List<IpPrefix> addresses,
        @Nullable InetAddress gateway) {
    public NicFacts {
        addresses = List.copyOf(addresses);
    }

    /** Asked again and again while a NIC is waited for. */
    @FunctionalInterface
    public interface Source {
        /** There is no metadata service: NICs are told apart by the rules. */
        Source NONE = List::of;

        /** The NICs attached now; empty where there is no metadata service or it does not answer. Returns within a few seconds. */
        List<NicFacts> read();
    }
}
