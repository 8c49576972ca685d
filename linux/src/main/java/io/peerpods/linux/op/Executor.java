package io.peerpods.linux.op;

import com.google.gson.JsonObject;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.nft.Nft;
import io.peerpods.linux.nft.NftApplier;
import io.peerpods.linux.nft.NftException;
import io.peerpods.linux.nft.NftProgram;
import io.peerpods.linux.sys.NativeThreads;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/**
 * Applies, verifies and undoes plans.
 *
 * <p>Before anything is done, what was there is read for every op and written to the journal, in one durable write. Then the ops are
 * done in order, each only where it is not so already. Therefore applying twice changes nothing; a run that was killed anywhere is
 * finished by applying again, or taken back by undo. Undo goes backwards, does nothing about what is gone or never was done, and
 * leaves alone what does not carry the plan's owner.
 *
 * <p>Thread safe, callable from virtual threads; runs for one journal must not overlap. A process has one executor: its runs know of
 * each other where they share an nft table.
 */
public final class Executor {

    private static final String NETNS = "netns";

    // Each run has a thread of its own, because it goes in and out of namespaces. Few apply at once: the kernel lets
    // one change links at a
    // time anyway, and a crowd of them would keep the processors from everything else in this process that is waiting
    // for a turn. Undoing is
    // mostly waiting, for the kernel to let go of a link.
    private static final Semaphore APPLYING =
            new Semaphore(Math.max(1, Runtime.getRuntime().availableProcessors() / 2), true);

    private final Steps steps;
    private final NftApplier nft;

    public Executor() {
        this(Steps.NONE);
    }

    /** Tells {@code steps} of each journal write and each op. */
    public Executor(Steps steps) {
        this(steps, NftProgram.find());
    }

    Executor(Steps steps, Nft nft) {
        this.steps = steps;
        this.nft = new NftApplier(nft);
    }

    /**
     * Makes every op of the plan so.
     *
     * @throws OpException for the first op that failed; those before it are done and in the journal
     * @throws JournalException when the journal cannot be written; nothing has been done then that is not in it
     */
    public void apply(Plan plan, Journal journal) {
        APPLYING.acquireUninterruptibly();
        try {
            NativeThreads.callOnFreshThread("network-plan", () -> {
                try (OpContext context = new OpContext(plan.owner(), nft)) {
                    remember(plan, journal, context);
                    for (Op op : plan.ops()) {
                        perform(
                                op,
                                context,
                                () -> journal.entry(op).orElseThrow().before());
                        steps.step(op.describe());
                    }
                }
                return true;
            });
        } finally {
            APPLYING.release();
        }
    }

    private void remember(Plan plan, Journal journal, OpContext context) {
        List<Journal.Entry> added = new ArrayList<>();
        for (Op op : plan.ops()) {
            if (!isRemembered(op, journal, context)) {
                JsonObject before =
                        attempt(op, "look at", () -> OpHandler.of(op).before(context));
                context.find(op.ns())
                        .ifPresent(namespace -> before.addProperty(
                                NETNS, namespace.netns().identity().toString()));
                added.add(new Journal.Entry(op, before));
            }
        }
        if (!added.isEmpty()) {
            journal.append(plan.owner(), added);
            steps.step("journal");
        }
    }

    /** What was so before us, and is not any more, is about to become ours: that needs a memory of its own. */
    private static boolean isRemembered(Op op, Journal journal, OpContext context) {
        Optional<Journal.Entry> entry = journal.entry(op).filter(known -> isSameNamespace(known, context));
        return entry.isPresent()
                && (!OpCodec.flag(entry.get().before(), OpHandler.SO)
                        || attempt(op, "look at", () -> OpHandler.of(op).difference(context))
                                .isEmpty());
    }

    private static void perform(Op op, OpContext context, Supplier<JsonObject> before) {
        OpHandler act = OpHandler.of(op);
        attempt(op, "cannot set up", () -> {
            if (act.difference(context).isPresent()) {
                act.perform(context, before.get());
            }
            return true;
        });
    }

    /**
     * Takes back what the journal says, and empties it.
     *
     * @throws OpException when something could not be taken back; everything else has been, and the journal is kept for another try
     */
    public void undo(Journal journal) {
        Optional<String> owner = journal.owner();
        if (owner.isEmpty()) {
            journal.clear();
            return;
        }
        NativeThreads.callOnFreshThread("network-plan", () -> {
            List<OpException> failures = new ArrayList<>();
            try (OpContext context = new OpContext(owner.get(), nft)) {
                for (Journal.Entry entry : latestFirst(journal.entries())) {
                    undo(entry, context).ifPresent(failures::add);
                    steps.step("undo " + entry.op().describe());
                }
            }
            if (!failures.isEmpty()) {
                OpException first = failures.getFirst();
                failures.stream().skip(1).forEach(first::addSuppressed);
                throw first;
            }
            journal.clear();
            steps.step("journal removed");
            return true;
        });
    }

    /** Of an op with several memories the last counts. */
    private static List<Journal.Entry> latestFirst(List<Journal.Entry> entries) {
        Set<Op> seen = new HashSet<>();
        return entries.reversed().stream().filter(entry -> seen.add(entry.op())).toList();
    }

    private static Optional<OpException> undo(Journal.Entry entry, OpContext context) {
        if (!isSameNamespace(entry, context)) {
            return Optional.empty(); // the one that was changed is gone, and with it the change
        }
        try {
            attempt(entry.op(), "cannot undo", () -> {
                undoUnlessGone(entry, context);
                return true;
            });
            return Optional.empty();
        } catch (OpException e) {
            return Optional.of(e);
        }
    }

    private static void undoUnlessGone(Journal.Entry entry, OpContext context) {
        try {
            OpHandler.of(entry.op()).undo(context, entry.before());
        } catch (LinuxException e) {
            if (!e.isGone()) {
                throw e;
            }
        }
    }

    private static boolean isSameNamespace(Journal.Entry entry, OpContext context) {
        String then = OpCodec.string(entry.before(), NETNS);
        Optional<OpenNamespace> now = context.find(entry.op().ns());
        return then.isEmpty() || now.isEmpty() || now.get().netns().identity().equals(Netns.Identity.parse(then));
    }

    /** What of the plan is not so. Changes nothing; a namespace or link that is missing is a difference, not a failure. */
    public List<Difference> verify(Plan plan) {
        return NativeThreads.callOnFreshThread("network-plan", () -> {
            try (OpContext context = new OpContext(plan.owner(), nft)) {
                return differences(plan, context);
            }
        });
    }

    /** As {@link #verify(Plan)}, for many plans that share nft tables: by the index of the plan, those that differ. */
    public Map<Integer, List<Difference>> verifyAll(List<Plan> plans) {
        return NativeThreads.callOnFreshThread("network-plan", () -> {
            Map<Integer, List<Difference>> all = new TreeMap<>();
            try (OpContext context = OpContext.ofMany(nft)) {
                for (int i = 0; i < plans.size(); i++) {
                    List<Difference> differences =
                            differences(plans.get(i), context.of(plans.get(i).owner()));
                    if (!differences.isEmpty()) {
                        all.put(i, differences);
                    }
                }
            }
            return all;
        });
    }

    private static List<Difference> differences(Plan plan, OpContext context) {
        List<Difference> differences = new ArrayList<>();
        for (Op op : plan.ops()) {
            look(op, context).ifPresent(found -> differences.add(new Difference(op, found)));
        }
        return List.copyOf(differences);
    }

    /**
     * Makes rules so again that were applied before: they carry their owner, so the journal need not be asked, and a run for it may
     * go on meanwhile.
     *
     * @param part of {@link Op.Nft} and {@link Op.Hairpin} only
     * @throws OpException as {@link #apply}
     */
    public void restore(Plan part) {
        part.ops().stream()
                .filter(op -> !(op instanceof Op.Nft || op instanceof Op.Hairpin))
                .findFirst()
                .ifPresent(op -> {
                    throw new IllegalArgumentException("not restored without a journal: " + op.describe());
                });
        NativeThreads.callOnFreshThread("network-plan", () -> {
            try (OpContext context = new OpContext(part.owner(), nft)) {
                part.ops().forEach(op -> perform(op, context, JsonObject::new));
            }
            return true;
        });
    }

    private static Optional<String> look(Op op, OpContext context) {
        try {
            return OpHandler.of(op).difference(context);
        } catch (LinuxException | UncheckedIOException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private static <T> T attempt(Op op, String verb, Supplier<T> work) {
        try {
            return work.get();
        } catch (LinuxException | NftException | UncheckedIOException e) {
            throw new OpException(op, verb, e);
        }
    }
}
