package io.peerpods.agent.net;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.op.Difference;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.JournalException;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.OpException;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.vm.ForeignSources;
import io.peerpods.network.vm.NicFacts;
import io.peerpods.network.vm.PodVmNetwork;
import io.peerpods.network.vm.PodVmNics;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.network.vm.ProbeResponder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pod's network as this daemon handles it: a set-up that fails is tried again, one that fails for good leaves nothing and says
 * why; what happens later is logged and never stops the agent. Thread-safe.
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
    private final Path directory;
    private volatile @Nullable PodVmNetwork network;
    private volatile @Nullable ProbeResponder responder;

    /**
     * Changes nothing yet.
     *
     * @param directory where the record of the changes is kept; made when it is not there
     */
    public PodNetwork(
            PodNetworkSpec spec,
            PodVmPlan.Place place,
            NicFacts.Source facts,
            PodVmNics.Wait wait,
            Executor executor,
            Path directory) {
        this.spec = spec;
        this.place = place;
        this.facts = facts;
        this.wait = wait;
        this.executor = executor;
        this.directory = directory;
    }

    /** The worker's end of the tunnel, which is where its connections come from, unless the tunnel has NICs of its own. */
    public InetAddress worker() {
        return spec.worker().address();
    }

    /**
     * Waits for the NICs and makes everything as planned, or finishes what an earlier run of the agent began.
     *
     * @throws PodNetworkException names what was missing, or the change, where, and the kernel's error; nothing is left then
     */
    public void setUp() throws PodNetworkException, InterruptedException {
        try {
            Files.createDirectories(directory);
            PodVmNetwork opened = PodVmNetwork.open(directory, executor, spec, place);
            network = opened;
            setUp(opened);
        } catch (OpException | JournalException | LinuxException | UncheckedIOException | IOException e) {
            throw new PodNetworkException(String.valueOf(e.getMessage()), e);
        }
    }

    private void setUp(PodVmNetwork opened) throws PodNetworkException, InterruptedException {
        for (int tries = 1; ; tries++) {
            try {
                opened.setUp(facts, wait);
                answerProbes();
                return;
            } catch (OpException e) {
                if (tries == TRIES) {
                    tearDown();
                    throw e;
                }
                log.warn("{}; trying again", e.getMessage());
            }
            Thread.sleep(BETWEEN_TRIES);
        }
    }

    /** Before the agent listens, so that the worker's first probe finds it. The pod's network is the same without it. */
    private void answerProbes() {
        try {
            responder = ProbeResponder.start(place.pod(), spec);
        } catch (LinuxException e) {
            log.warn("probes of the tunnel are not answered: {}", e.getMessage());
        }
    }

    /** How many of the worker's probes with that nonce came through the tunnel; empty when that is not known. */
    public OptionalInt probesReceived(String nonce) {
        ProbeResponder answering = responder;
        return answering == null ? OptionalInt.empty() : answering.received(nonce);
    }

    /** Undoes what {@link #setUp} did, in this run or an earlier one. */
    public void tearDown() {
        ProbeResponder answering = responder;
        if (answering != null) {
            answering.close();
        }
        PodVmNetwork opened = network;
        if (opened == null) {
            return;
        }
        try {
            opened.tearDown();
        } catch (OpException | JournalException | LinuxException | UncheckedIOException e) {
            log.error("the pod's network could not be taken down completely: {}", e.getMessage());
        }
    }

    /** The pod uses these name servers: they are reached by the tunnel from now on. A failure is logged; the pod may do without. */
    public void learned(List<InetAddress> servers) {
        PodVmNetwork opened = network;
        if (opened == null) {
            return;
        }
        try {
            opened.addNameServers(servers);
        } catch (OpException | JournalException | LinuxException e) {
            log.warn("the name servers {} may not be reached by the tunnel: {}", servers, e.getMessage());
        }
    }

    /** Compares the kernel with what should be, by the NICs as they are now; changes nothing. */
    public Report verify() throws PodNetworkException, InterruptedException {
        PodVmNics.Nics nics = PodVmNics.await(spec, place, facts, wait);
        Plan plan = PodVmPlan.of(spec, nics.underlay(), nics.external(), place);
        return new Report(plan.ops(), executor.verify(plan), ForeignSources.read(place.vm(), spec));
    }

    /**
     * Plan against kernel.
     *
     * @param differences those of the ops that are not as planned
     * @param foreign whose packets for the tunnel were dropped in the last minutes
     */
    public record Report(List<Op> ops, List<Difference> differences, List<ForeignSources.Source> foreign) {

        /** One line an op, one a foreign source, and a summary. */
        public List<String> lines() {
            Map<Op, String> found = differences.stream()
                    .collect(Collectors.toMap(Difference::op, Difference::found, (a, b) -> a + "; " + b));
            List<String> lines = new ArrayList<>();
            for (Op op : ops) {
                String difference = found.get(op);
                lines.add(
                        difference == null
                                ? "ok       " + op.describe()
                                : "DIFFERS  " + op.describe() + ": " + difference);
            }
            foreign.forEach(source -> lines.add("DROPPED  " + source.describe()));
            lines.add(ops.size() + " as planned but " + found.size());
            return lines;
        }
    }
}
