package io.peerpods.linux.nft;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Nftables;
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
public final class NftTables {

    private final Nft nft;

    // The last owner takes the table away: nobody may be adding to it then.
    private final ReadWriteLock tableLife = new ReentrantReadWriteLock();

    public NftTables(Nft nft) {
        this.nft = nft;
    }

    /** Empty when exactly these rules of the owner are there, else what differs. */
    public Optional<String> difference(String owner, NftRules wanted, Nftables kernel) {
        List<String> expected = wanted.rules().stream()
                .map(rule -> rule.chain() + " " + comment(owner, rule))
                .toList();
        List<String> found = owned(owner, wanted, kernel).stream()
                .map(rule -> rule.chain() + " " + rule.comment())
                .toList();
        List<String> missing = new ArrayList<>(expected);
        found.forEach(missing::remove);
        List<String> surplus = new ArrayList<>(found);
        expected.forEach(surplus::remove);
        if (missing.isEmpty() && surplus.isEmpty()) {
            return Optional.empty();
        }
        List<String> lacking = wanted.rules().stream()
                .filter(rule -> missing.contains(rule.chain() + " " + comment(owner, rule)))
                .map(rule -> rule.chain() + ": " + rule.text())
                .toList();
        return Optional.of(missing.size() + " rules missing " + lacking + ", " + surplus.size() + " too many");
    }

    /** Makes it so, in one transaction: table and chains where they lack, the owner's rules anew. */
    public void install(String owner, NftRules wanted, Nftables kernel) {
        locked(tableLife.readLock(), () -> {
            String table = wanted.family() + " " + wanted.table();
            StringBuilder script = new StringBuilder("add table " + table + "\n");
            for (NftRules.Chain chain : wanted.chains()) {
                script.append("add chain " + table + " " + chain.name() + " { type " + chain.type() + " hook "
                        + chain.hook() + device(chain) + " priority " + chain.priority() + "; policy accept; }\n");
            }
            owned(owner, wanted, kernel).forEach(rule -> script.append(deletion(table, rule)));
            for (NftRules.Rule rule : wanted.rules()) {
                script.append("add rule " + table + " " + rule.chain() + " " + rule.text() + " comment \""
                        + comment(owner, rule) + "\"\n");
            }
            nft.run(script.toString());
        });
    }

    /** Takes the owner's rules out, and the table with the last of anybody's. Fine when there is nothing. */
    public void remove(String owner, NftRules rules, Nftables kernel) {
        locked(tableLife.writeLock(), () -> {
            if (!kernel.hasTable(rules.family(), rules.table())) {
                return;
            }
            String table = rules.family() + " " + rules.table();
            List<Nftables.Rule> all = kernel.rules(rules.family(), rules.table());
            List<Nftables.Rule> ours =
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

    private static List<Nftables.Rule> owned(String owner, NftRules wanted, Nftables kernel) {
        try {
            return kernel.rules(wanted.family(), wanted.table()).stream()
                    .filter(rule -> isOf(owner, rule.comment()))
                    .toList();
        } catch (LinuxException e) {
            if (e.isGone()) {
                return List.of();
            }
            throw e;
        }
    }

    private static String deletion(String table, Nftables.Rule rule) {
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
