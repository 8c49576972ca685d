package io.peerpods.linux.nft;

import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NftablesReader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which rules this process installed: their numbers and expressions as the kernel returned them, and the number of their table. By this
 * a rule is known that another program put in the place of ours under the same comment. Expressions are needed because a replaced rule
 * keeps its number. Rules of an earlier process are taken as they are first seen. Thread safe.
 */
final class RuleMemory {

    // A pod whose namespace has gone is not removed from here. The oldest is forgotten, and taken as it is seen next.
    private static final int CAPACITY = 10_000;

    private record Key(Netns.Identity namespace, String owner, String family, String table) {
        static Key of(String owner, NftRules rules, NftablesReader kernel) {
            return new Key(kernel.namespace(), owner, rules.family(), rules.table());
        }
    }

    private record Installed(Optional<NftablesReader.Table> table, List<NftablesReader.Rule> rules) {}

    private final Map<Key, Installed> installed = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Installed> eldest) {
            return size() > CAPACITY;
        }
    };

    /** These are the rules that the owner has installed now. */
    synchronized void remember(
            String owner,
            NftRules wanted,
            NftablesReader kernel,
            Optional<NftablesReader.Table> table,
            List<NftablesReader.Rule> rules) {
        installed.put(Key.of(owner, wanted, kernel), new Installed(table, List.copyOf(rules)));
    }

    synchronized void forget(String owner, NftRules rules, NftablesReader kernel) {
        installed.remove(Key.of(owner, rules, kernel));
    }

    /** Whether these are the rules that were installed, or else first seen. */
    synchronized boolean areOurs(
            String owner,
            NftRules wanted,
            NftablesReader kernel,
            Optional<NftablesReader.Table> table,
            List<NftablesReader.Rule> found) {
        Installed now = new Installed(table, List.copyOf(found));
        Installed ours = installed.putIfAbsent(Key.of(owner, wanted, kernel), now);
        return ours == null || ours.equals(now);
    }
}
