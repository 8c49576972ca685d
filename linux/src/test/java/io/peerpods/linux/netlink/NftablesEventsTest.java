package io.peerpods.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.Netns;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@NeedsRoot
@NeedsProgram("nft")
class NftablesEventsTest {

    private final TempNetns namespace = TempNetns.create("nftev");
    private final TempNetns other = TempNetns.create("nftev2");
    private final NftablesEvents events = new NftablesEvents();
    private final Semaphore told = new Semaphore(0);

    @AfterEach
    void end() {
        events.close();
        namespace.close();
        other.close();
    }

    private NftablesEvents.Subscription subscribe(TempNetns where) {
        try (Netns netns = Netns.open(where.path())) {
            return events.subscribe(netns, "ours"::equals, told::release);
        }
    }

    private boolean isTold() throws InterruptedException {
        return told.tryAcquire(30, TimeUnit.SECONDS);
    }

    @Test
    void eachChangeOfATableIsToldOfOnceUntilItIsAskedForAgain() throws Exception {
        namespace.exec("nft", "add table inet ours; add chain inet ours a");
        NftablesEvents.Subscription subscription = subscribe(namespace);
        for (String change :
                new String[] {"add rule inet ours a accept", "add set inet ours s { type ipv4_addr; }", "flush ruleset"
                }) {
            namespace.exec("nft", change);
            assertThat(isTold()).as(change).isTrue();
            namespace.exec("nft", "add table inet ours; add chain inet ours a");
            assertThat(told.drainPermits()).as("before it is armed again").isZero();
            subscription.rearm();
            assertThat(isTold()).as("what came meanwhile").isTrue();
            subscription.rearm();
        }
    }

    @Test
    void changesOfOtherTablesAndNamespacesAreNotToldOf() throws Exception {
        subscribe(namespace);
        namespace.exec("nft", "add table inet theirs; add chain inet theirs a; delete table inet theirs");
        other.exec("nft", "add table inet ours");
        // Events of a namespace come in order: with the next one both would have been told of.
        namespace.exec("nft", "add table inet ours");
        assertThat(isTold()).isTrue();
        assertThat(told.availablePermits()).isZero();
    }

    @Test
    void moreEventsThanThereIsRoomForCountAsAChange() throws Exception {
        NftablesEvents.Subscription subscription = subscribe(namespace);
        namespace.exec("nft", "add table inet ours");
        assertThat(isTold()).isTrue();
        StringBuilder flood = new StringBuilder("add table inet theirs\nadd chain inet theirs a\n");
        flood.repeat("add rule inet theirs a ip saddr 10.0.0.1 counter accept\n", 5000);
        Path script = Files.createTempFile("flood", ".nft");
        try {
            Files.writeString(script, flood);
            namespace.exec("nft", "-f", script.toString());
        } finally {
            Files.delete(script);
        }
        subscription.rearm();
        assertThat(isTold()).isTrue();
    }

    @Test
    void aClosedSubscriptionLetsTheNamespaceGoAndTheOthersGoOn() throws Exception {
        NftablesEvents.Subscription first = subscribe(other);
        subscribe(namespace);
        first.close();
        other.exec("nft", "add table inet ours");
        namespace.exec("nft", "add table inet ours");
        assertThat(isTold()).isTrue();
        assertThat(told.availablePermits()).isZero();
    }
}
