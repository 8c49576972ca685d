package io.peerpods.agent.net;

import io.peerpods.agent.userdata.MetadataNic;
import io.peerpods.agent.userdata.MetadataService;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.network.vm.NicFacts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * NIC facts of EC2's metadata service. Its subnets have their router at the first address (VPC user guide, "Subnet CIDR blocks"), so
 * a NIC needs no DHCP client. An answer is kept for a moment, because a wait for a NIC asks often.
 */
public final class MetadataNicFacts implements NicFacts.Source {

    private static final Logger log = LoggerFactory.getLogger(MetadataNicFacts.class);

    private static final Duration FRESH = Duration.ofMillis(500);
    private static final int TRIES = 3;
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(300);

    private final MetadataService service;
    private @Nullable List<NicFacts> last;
    private long taken;

    public MetadataNicFacts(MetadataService service) {
        this.service = service;
    }

    @Override
    public synchronized List<NicFacts> read() {
        List<NicFacts> known = last;
        if (known != null && System.nanoTime() - taken < FRESH.toNanos()) {
            return known;
        }
        List<NicFacts> facts = known == null ? List.of() : known;
        for (int i = 0; i < TRIES; i++) {
            try {
                facts = facts(service.nics());
                break;
            } catch (IOException e) {
                log.warn("the NICs cannot be read from {}: {}", service.name(), e.getMessage());
                if (!pause()) {
                    break;
                }
            }
        }
        last = facts;
        taken = System.nanoTime();
        return facts;
    }

    static List<NicFacts> facts(List<MetadataNic> nics) throws IOException {
        List<NicFacts> facts = new ArrayList<>();
        for (MetadataNic nic : nics) {
            try {
                facts.add(facts(nic));
            } catch (IllegalArgumentException | UnknownHostException e) {
                throw new IOException("what it says of " + nic.mac() + " makes no sense: " + e.getMessage(), e);
            }
        }
        return List.copyOf(facts);
    }

    private static NicFacts facts(MetadataNic nic) throws UnknownHostException {
        MacAddress mac = MacAddress.of(nic.mac());
        if (nic.subnet().isEmpty()) {
            return new NicFacts(mac, nic.deviceNumber(), List.of(), null);
        }
        IpPrefix subnet = IpPrefix.of(nic.subnet());
        List<IpPrefix> addresses = nic.addresses().stream()
                .map(address -> IpPrefix.of(address + "/" + subnet.length()))
                .toList();
        return new NicFacts(mac, nic.deviceNumber(), addresses, first(subnet));
    }

    private static InetAddress first(IpPrefix subnet) throws UnknownHostException {
        byte[] bytes = subnet.network().address().getAddress();
        bytes[bytes.length - 1] |= 1;
        return InetAddress.getByAddress(bytes);
    }

    private static boolean pause() {
        try {
            Thread.sleep(BETWEEN_TRIES);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
