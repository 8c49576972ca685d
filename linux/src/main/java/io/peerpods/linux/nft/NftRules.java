package io.peerpods.linux.nft;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Rules of one owner in one table, with the chains and sets that they need. The table may hold rules of other owners.
 *
 * @param family {@code inet}, {@code ip}, {@code ip6}, {@code bridge}, {@code arp} or {@code netdev}
 * @param table the table's name; it must be one that only this daemon uses
 */
public record NftRules(String family, String table, List<Chain> chains, List<AddressSet> sets, List<Rule> rules) {

    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_-]{0,63}");
    private static final Pattern FAMILY = Pattern.compile("inet|ip|ip6|bridge|arp|netdev");

    public NftRules {
        if (!FAMILY.matcher(family).matches()) {
            throw new IllegalArgumentException("not an nft family: '" + family + "'");
        }
        requireName(table);
        chains = List.copyOf(chains);
        sets = List.copyOf(sets);
        rules = List.copyOf(rules);
        for (Rule rule : rules) {
            if (chains.stream().noneMatch(chain -> chain.name().equals(rule.chain()))) {
                throw new IllegalArgumentException("nft rule in chain '" + rule.chain() + "', which is not listed");
            }
        }
    }

    /** Without sets. */
    public NftRules(String family, String table, List<Chain> chains, List<Rule> rules) {
        this(family, table, chains, List.of(), rules);
    }

    /**
     * A set of addresses that rules fill, made if it is not there. When it is full, a rule that adds to it does not match.
     *
     * @param size how many there can be at a time
     * @param seconds after which one is forgotten that was not added again
     */
    public record AddressSet(String name, boolean ipv4, int size, int seconds) {
        public AddressSet {
            requireName(name);
            if (size < 1 || seconds < 1) {
                throw new IllegalArgumentException("nft set " + name + " of size " + size + " and " + seconds + " s");
            }
        }
    }

    /**
     * A base chain, made if it is not there.
     *
     * @param type {@code filter}, {@code nat} or {@code route}
     * @param hook {@code prerouting}, {@code input}, {@code forward}, {@code output}, {@code postrouting} or {@code ingress}
     * @param device the link whose frames an ingress chain sees; empty for the other hooks
     * @param priority lower is earlier; raw is -300, filter 0, srcnat 100
     */
    public record Chain(String name, String type, String hook, String device, int priority) {
        private static final Pattern TYPE = Pattern.compile("filter|nat|route");
        private static final Pattern DEVICE = Pattern.compile("[!#-.0-9;-~]{1,15}");
        private static final Pattern HOOK = Pattern.compile("prerouting|input|forward|output|postrouting|ingress");

        public Chain {
            requireName(name);
            if (!TYPE.matcher(type).matches() || !HOOK.matcher(hook).matches()) {
                throw new IllegalArgumentException("nft chain " + name + ": not a type and hook: " + type + " " + hook);
            }
            if (hook.equals("ingress") != DEVICE.matcher(device).matches()) {
                throw new IllegalArgumentException("nft chain " + name + " of hook " + hook
                        + ": not the link that it belongs to: '" + device + "'");
            }
        }

        /** Of a hook that sees the packets of all links. */
        public Chain(String name, String type, String hook, int priority) {
            this(name, type, hook, "", priority);
        }
    }

    /**
     * One rule.
     *
     * @param text matches and statements in nft's language, without comment: {@code udp dport 4789 ip saddr 10.0.0.7 notrack}
     */
    public record Rule(String chain, String text) {
        public Rule {
            requireName(chain);
            // One line, one command: nothing in a rule can end it and begin another.
            if (text.isBlank()
                    || text.contains("comment")
                    || text.chars().anyMatch(c -> c < ' ' || c == ';' || c == '#')) {
                throw new IllegalArgumentException("not the text of one nft rule: '" + text + "'");
            }
        }
    }

    private static void requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("not an nft name: '" + name + "'");
        }
    }
}
