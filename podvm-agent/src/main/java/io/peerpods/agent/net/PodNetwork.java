package io.peerpods.agent.net;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.op.Difference;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.JournalException;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.OpException;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.NameServerRoutes;
import io.peerpods.network.NicFacts;
import io.peerpods.network.PodNetworkException;
import io.peerpods.network.PodNetworkSpec;
import io.peerpods.network.PodVmNics;
import io.peerpods.network.PodVmPlan;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod's network on this VM: set up when the VM's NICs are there, added to when name servers become known, taken down at the end.
 * Whatever an earlier run of the agent did is in the journal and counts as done. Thread-safe.
 */
public final class PodNetwork {

    private static final Logger log = LoggerFactory.getLogger(PodNetwork.class);

    private static final int TRIES = 3;
    private static final Duration BETWEEN_TRIES = Duration.ofMillis(200);

    private final PodNetworkSpec spec;
    private final PodVmPlan.Place place;
    private final NicFacts.Source facts;
    private final PodVmNics.Wait wait;
    private final Executor executor;
    private final Path journalFile;
    private final ReentrantLock changing = new ReentrantLock();

    /** @param journalFile its directory exists */
    public PodNetwork(
            PodNetworkSpec spec,
            PodVmPlan.Place place,
            NicFacts.Source facts,
            PodVmNics.Wait wait,
            Executor executor,
            Path journalFile) {
        this.spec = spec;
        this.place = place;
        this.facts = facts;
        this.wait = wait;
        this.executor = executor;
        this.journalFile = journalFile;
    }

    /**
     * Waits for the NICs and makes everything as planned. A change that fails is tried again twice; then what was made is taken back.
     *
     * @throws PodNetworkException names what was missing, or the change, where, and the kernel's error
     */
    public void setUp() throws PodNetworkException, InterruptedException {
        changing.lockInterruptibly();
        try {
            Plan plan = plan();
            Journal journal = Journal.open(journalFile);
            for (int tries = 1; ; tries++) {
                try {
                    executor.apply(plan, journal);
                    return;
                } catch (OpException e) {
                    if (tries == TRIES) {
                        giveUp(journal);
                        throw e;
                    }
                    log.warn("{}; trying again", e.getMessage());
                }
                Thread.sleep(BETWEEN_TRIES);
            }
        } catch (OpException | JournalException | LinuxException e) {
            throw new PodNetworkException(String.valueOf(e.getMessage()), e);
        } finally {
            changing.unlock();
        }
    }

    /** Undoes what {@link #setUp} did, in this run or an earlier one. */
    public void tearDown() {
        changing.lock();
        try {
            executor.undo(Journal.open(journalFile));
        } catch (OpException | JournalException | LinuxException e) {
            log.error("the pod's network could not be taken down completely: {}", e.getMessage());
        } finally {
            changing.unlock();
        }
    }

    /** The pod uses these name servers: they are reached by the tunnel from now on. A failure is logged; the pod may do without. */
    public void learned(List<InetAddress> servers) {
        Plan plan = NameServerRoutes.of(spec, servers, place.pod());
        if (plan.ops().isEmpty()) {
            return;
        }
        changing.lock();
        try {
            executor.apply(plan, Journal.open(journalFile));
            log.info("name servers by the tunnel: {}", servers);
        } catch (OpException | JournalException | LinuxException e) {
            log.warn("the name servers {} may not be reached by the tunnel: {}", servers, e.getMessage());
        } finally {
            changing.unlock();
        }
    }

    /** Each op of the plan with what differs in the kernel; asks for the NICs as they are now. */
    public Report verify() throws PodNetworkException, InterruptedException {
        Plan plan = plan();
        return new Report(plan.ops(), executor.verify(plan));
    }

    /** @param differences those of the ops that are not as planned */
    public record Report(List<Op> ops, List<Difference> differences) {}

    private Plan plan() throws PodNetworkException, InterruptedException {
        PodVmNics.Nics nics = PodVmNics.await(spec, place, facts, wait);
        return PodVmPlan.of(spec, nics.underlay(), nics.external(), place);
    }

    private void giveUp(Journal journal) {
        try {
            executor.undo(journal);
        } catch (OpException | JournalException e) {
            log.warn("what was made of the pod's network is not all gone: {}", e.getMessage());
        }
    }
}
