package io.peerpods.ec2.faults;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/**
 * Private addresses of interfaces, one after the other. The emulator draws them at random, those included that EC2 keeps for itself: the
 * first four of a subnet and the last.
 */
final class SubnetAddresses {

    private static final int KEPT = 4;
    private static final Pattern SUBNET = Pattern.compile("(NetworkInterface\\.\\d+\\.)SubnetId");

    private final Map<String, Subnet> subnets = new ConcurrentHashMap<>();

    private record Subnet(long first, long hosts, AtomicLong given) {

        static Subnet of(String cidr) {
            String[] parts = cidr.split("[./]", -1);
            if (parts.length != 5) {
                throw new IllegalArgumentException("no IPv4 network: " + cidr);
            }
            long address = 0;
            for (int i = 0; i < 4; i++) {
                address = (address << 8) + Integer.parseInt(parts[i]);
            }
            long size = 1L << (32 - Integer.parseInt(parts[4]));
            return new Subnet(address + KEPT, size - KEPT - 1, new AtomicLong());
        }

        String next() {
            long address = first + given.getAndIncrement() % hosts;
            return (address >> 24) + "." + ((address >> 16) & 255) + "." + ((address >> 8) & 255) + "."
                    + (address & 255);
        }
    }

    void add(String id, String cidr) {
        subnets.put(id, Subnet.of(cidr));
    }

    void forget() {
        subnets.clear();
    }

    /** The launch with an address for each interface in a subnet that is known here and has none; other calls as they are. */
    Call complete(Call call) {
        if (!call.action().equals("RunInstances") || subnets.isEmpty()) {
            return call;
        }
        Map<String, String> parameters = new TreeMap<>(call.parameters());
        call.parameters().forEach((name, value) -> {
            var nic = SUBNET.matcher(name);
            Subnet subnet = subnets.get(value);
            if (nic.matches() && subnet != null) {
                parameters.computeIfAbsent(nic.group(1) + "PrivateIpAddress", key -> subnet.next());
            }
        });
        return new Call(call.action(), parameters);
    }
}
