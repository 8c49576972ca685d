package io.peerpods.adaptor.sandbox;

import io.peerpods.adaptor.store.SandboxRow;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.LinuxException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices that this worker has lost the address that is the end of running tunnels. The other end is fixed in the VM, so that a tunnel
 * cannot follow: the pods have no network until the address is back. New pods get the worker's address of their own time. Confined to
 * one thread.
 */
final class UnderlayWatch {

    private static final Logger log = LoggerFactory.getLogger(UnderlayWatch.class);

    private final Supplier<Set<InetAddress>> addresses;
    private Set<InetAddress> lost = Set.of();
    private boolean failing;

    /** @param addresses those of the worker now; fails with {@link LinuxException} */
    UnderlayWatch(Supplier<Set<InetAddress>> addresses) {
        this.addresses = addresses;
    }

    /**
     * Looks once, and logs what has changed since the last look.
     *
     * @param ready the sandboxes whose tunnel is up
     * @return how many of them have lost their end on the worker
     */
    int look(List<SandboxRow> ready) {
        if (ready.isEmpty()) {
            lost = Set.of();
            return 0;
        }
        Set<InetAddress> present;
        try {
            present = addresses.get();
            failing = false;
        } catch (LinuxException e) {
            if (!failing) {
                log.warn("the worker's addresses cannot be looked at: {}", e.getMessage());
                failing = true;
            }
            return 0;
        }
        Map<InetAddress, List<String>> without = new TreeMap<>(Comparator.comparing(InetAddress::getHostAddress));
        for (SandboxRow row : ready) {
            InetAddress address = row.network().worker().address();
            if (!present.contains(address)) {
                without.computeIfAbsent(address, key -> new ArrayList<>())
                        .add(row.pod() + " (sandbox " + row.id() + ")");
            }
        }
        without.forEach(this::warn);
        lost.stream()
                .filter(present::contains)
                .forEach(address ->
                        log.info("this worker has the address {} again, its tunnels work", IpAddresses.text(address)));
        lost = new HashSet<>(without.keySet());
        return without.values().stream().mapToInt(List::size).sum();
    }

    private void warn(InetAddress address, List<String> pods) {
        if (!lost.contains(address)) {
            log.warn(
                    "this worker has no longer the address {}, where the tunnels of these pods end: {}. They have no network. Give the"
                            + " address back to the worker's NIC, or delete the pods, so that they are made anew with its address of"
                            + " then",
                    IpAddresses.text(address),
                    String.join(", ", pods));
        }
    }
}
