package io.peerpods.linux.nft;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.NftablesReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Puts {@link NftRules} into the kernel and takes them out: one {@code nft -f -} transaction each. A rule's comment says whose it is
 * and which rule it is, so what is there is known from a listing, without comparing texts. Thread safe; calls come from platform
 * threads that are in the namespace meant.
 */
public final class NftApplier {

    // Each lists anew. A program that changes the owner's rules all the time is answered with a failure.
    private static final int TRIES = 3;

    private final Nft nft;
    private final RuleMemory memory = new RuleMemory();

    // The last owner takes the table away: no other thread may add to it then.
    private final ReadWriteLock tableLife = new ReentrantReadWriteLock();

    public NftApplier(Nft nft) {
        this.nft = nft;
    }

    /** Empty when exactly these rules of the owner are there and in force, else what differs. */
    public Optional<String> difference(String owner, NftRules wanted, NftablesReader kernel) {
        List<String> expected = wanted.rules().stream()
                .map(rule -> rule.chain() + " " + comment(owner, rule))
                .toList();
        List<NftablesReader.Rule> owned = owned(owner, wanted, kernel);
        List<String> found =
                owned.stream().map(rule -> rule.chain() + " " + rule.comment()).toList();
        List<String> missing = new ArrayList<>(expected);
        found.forEach(missing::remove);
        List<String> surplus = new ArrayList<>(found);
        expected.forEach(surplus::remove);
        if (missing.isEmpty() && surplus.isEmpty()) {
            return changed(owner, wanted, kernel, owned);
        }
        List<String> lacking = wanted.rules().stream()
                .filter(rule -> missing.contains(rule.chain() + " " + comment(owner, rule)))
                .map(rule -> rule.chain() + ": " + rule.text())
                .toList();
        return Optional.of(missing.size() + " rules missing " + lacking + ", " + surplus.size() + " too many");
    }

    private Optional<String> changed(
            String owner, NftRules wanted, NftablesReader kernel, List<NftablesReader.Rule> owned) {
        Optional<NftablesReader.Table> table = kernel.table(wanted.family(), wanted.table());
        return damage(wanted, kernel, table)
                .or(() -> memory.areOurs(owner, wanted, kernel, table, owned)
                        ? Optional.empty()
                        : Optional.of("another program changed a rule of table " + wanted.family() + " "
                                + wanted.table() + " under the same comment"));
    }

    /** Why the rules of a table that is there see no packets, or not when they should: only a new table helps. */
    private static Optional<String> damage(
            NftRules wanted, NftablesReader kernel, Optional<NftablesReader.Table> table) {
        if (table.isEmpty()) {
            return Optional.empty();
        }
        String name = wanted.family() + " " + wanted.table();
        if (table.get().dormant()) {
            return Optional.of("table " + name + " is dormant");
        }
        return wanted.chains().stream()
                .filter(chain -> kernel.chain(wanted.family(), wanted.table(), chain.name())
                        .filter(found -> !found.hook().equals(Optional.of(hook(wanted.family(), chain))))
                        .isPresent())
                .findFirst()
                .map(chain -> "chain " + chain.name() + " of table " + name + " is not at its hook");
    }

    /** Makes it so, in one transaction: table and chains where they lack, the owner's rules anew. */
    public void install(String owner, NftRules wanted, NftablesReader kernel) {
        // With a damaged table other owners' rules go too. They are not in force either, and come back when those
        // compare.
        boolean anew = damage(wanted, kernel, kernel.table(wanted.family(), wanted.table()))
                .isPresent();
        locked(anew ? tableLife.writeLock() : tableLife.readLock(), () -> {
            if (anew) {
                nft.run("delete table " + wanted.family() + " " + wanted.table() + "\n"
                        + installation(owner, wanted, List.of()));
            } else {
                replace(owner, wanted, kernel);
            }
            memory.remember(
                    owner, wanted, kernel, kernel.table(wanted.family(), wanted.table()), owned(owner, wanted, kernel));
        });
    }

    private void replace(String owner, NftRules wanted, NftablesReader kernel) {
        for (int tries = 1; ; tries++) {
            List<NftablesReader.Rule> old = owned(owner, wanted, kernel);
            try {
                nft.run(installation(owner, wanted, old));
                return;
            } catch (NftException e) {
                // Another program took away what was to be deleted, after it was listed.
                if (old.isEmpty() || tries == TRIES) {
                    throw e;
                }
            }
        }
    }

    private static String installation(String owner, NftRules wanted, List<NftablesReader.Rule> old) {
        String table = wanted.family() + " " + wanted.table();
        StringBuilder script = new StringBuilder("add table " + table + "\n");
        for (NftRules.Chain chain : wanted.chains()) {
            script.append("add chain " + table + " " + chain.name() + " { type " + chain.type() + " hook "
                    + chain.hook() + device(chain) + " priority " + chain.priority() + "; policy accept; }\n");
        }
        for (NftRules.AddressSet set : wanted.sets()) {
            script.append("add set " + table + " " + set.name() + " { type " + (set.ipv4() ? "ipv4_addr" : "ipv6_addr")
                    + "; size " + set.size() + "; flags dynamic,timeout; timeout " + set.seconds() + "s; }\n");
        }
        old.forEach(rule -> script.append(deletion(table, rule)));
        for (NftRules.Rule rule : wanted.rules()) {
            script.append("add rule " + table + " " + rule.chain() + " " + rule.text() + " comment \""
                    + comment(owner, rule) + "\"\n");
        }
        return script.toString();
    }

    /** Takes the owner's rules out, and the table with the last of anybody's. Fine when there is nothing. */
    public void remove(String owner, NftRules rules, NftablesReader kernel) {
        locked(tableLife.writeLock(), () -> {
            memory.forget(owner, rules, kernel);
            if (!kernel.hasTable(rules.family(), rules.table())) {
                return;
            }
            String table = rules.family() + " " + rules.table();
            List<NftablesReader.Rule> all = kernel.rules(rules.family(), rules.table());
            List<NftablesReader.Rule> ours =
                    all.stream().filter(rule -> isOf(owner, rule.comment())).toList();
            if (ours.size() == all.size()) {
                nft.run("delete table " + table + "\n");
            } else if (!ours.isEmpty()) {
                StringBuilder script = new StringBuilder();
                ours.forEach(rule -> script.append(deletion(table, rule)));
                nft.run(script.toString());
            }
        });
    }

    /** The numbers of enum nf_inet_hooks; the family netdev counts its own, from 0 (linux/netfilter.h). */
    private static NftablesReader.Hook hook(String family, NftRules.Chain chain) {
        int number = switch (chain.hook()) {
            case "prerouting" -> 0;
            case "input" -> 1;
            case "forward" -> 2;
            case "output" -> 3;
            case "postrouting" -> 4;
            default -> family.equals("netdev") ? 0 : 5;
        };
        return new NftablesReader.Hook(number, chain.priority(), chain.device());
    }

    private static String device(NftRules.Chain chain) {
        return chain.device().isEmpty() ? "" : " device \"" + chain.device() + "\"";
    }

    private static void locked(Lock lock, Runnable action) {
        lock.lock();
        try {
            action.run();
        } finally {
            lock.unlock();
        }
    }

    private static List<NftablesReader.Rule> owned(String owner, NftRules wanted, NftablesReader kernel) {
        try {
            return kernel.rules(wanted.family(), wanted.table(), comment -> isOf(owner, comment));
        } catch (LinuxException e) {
            if (e.isGone()) {
                return List.of();
            }
            throw e;
        }
    }

    private static String deletion(String table, NftablesReader.Rule rule) {
        return "delete rule " + table + " " + rule.chain() + " handle " + rule.handle() + "\n";
    }

    private static boolean isOf(String owner, String comment) {
        return comment.startsWith(owner + " #");
    }

    private static String comment(String owner, NftRules.Rule rule) {
        return owner + " #" + digest(rule.chain() + " " + rule.text());
    }

    private static String digest(String text) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
