package io.peerpods.linux.netlink;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads nftables of one network namespace over netlink, which takes microseconds where {@code nft -j list} takes milliseconds
 * (linux/netfilter/nf_tables.h). Changes go through {@code nft}. Thread safe, callable from virtual threads.
 */
public final class NftablesReader implements AutoCloseable {

    static final int SUBSYSTEM = 10 << 8; // NFNL_SUBSYS_NFTABLES
    /** Bytes of struct nfgenmsg. */
    static final int GENERIC = 4;

    private static final int NFT_MSG_GETTABLE = SUBSYSTEM | 1;
    private static final int NFT_MSG_GETCHAIN = SUBSYSTEM | 4;
    private static final int NFT_MSG_GETRULE = SUBSYSTEM | 7;
    private static final int NFTA_TABLE_NAME = 1;
    private static final int NFTA_TABLE_FLAGS = 2;
    private static final int NFTA_TABLE_HANDLE = 4;
    private static final int NFT_TABLE_F_DORMANT = 1;
    private static final int NFTA_CHAIN_TABLE = 1;
    private static final int NFTA_CHAIN_NAME = 3;
    private static final int NFTA_CHAIN_HOOK = 4;
    private static final int NFTA_HOOK_HOOKNUM = 1;
    private static final int NFTA_HOOK_PRIORITY = 2;
    private static final int NFTA_HOOK_DEV = 3;
    private static final int NFTA_RULE_TABLE = 1;
    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NFTA_RULE_HANDLE = 3;
    private static final int NFTA_RULE_EXPRESSIONS = 4;
    private static final int NFTA_RULE_USERDATA = 7;
    private static final int NFT_MSG_GETSETELEM = SUBSYSTEM | 13;
    private static final int NFTA_SET_ELEM_LIST_TABLE = 1;
    private static final int NFTA_SET_ELEM_LIST_SET = 2;
    private static final int NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    private static final int NFTA_SET_ELEM_KEY = 1;
    private static final int NFTA_SET_ELEM_EXPR = 7;
    private static final int NFTA_DATA_VALUE = 1;
    private static final int NFTA_COUNTER_PACKETS = 2;
    private static final int NFTA_EXPR_NAME = 1;
    private static final int NFTA_EXPR_DATA = 2;
    private static final int UDATA_COMMENT = 0;

    /**
     * A table.
     *
     * @param handle number that the kernel gives to no other table of the namespace, also not to a later one of the same name
     * @param dormant whether its chains see no packets
     */
    public record Table(long handle, boolean dormant) {}

    /**
     * Where a base chain is called.
     *
     * @param number of the hook, see {@code enum nf_inet_hooks}
     * @param device the link of an ingress chain, else empty
     */
    public record Hook(int number, int priority, String device) {}

    /**
     * A chain.
     *
     * @param hook empty for one that only other chains call
     */
    public record Chain(Optional<Hook> hook) {}

    /**
     * A rule.
     *
     * @param handle number that deletes it
     * @param comment empty for none
     * @param expressions what it does, in the kernel's words and in hexadecimal; of a counter only that it is there
     */
    public record Rule(String chain, long handle, String comment, String expressions) {}

    /**
     * An element of a set of addresses.
     *
     * @param packets that its counter has seen, 0 without a counter
     */
    public record Element(InetAddress address, long packets) {}

    private final NetlinkSocket socket;
    private final Netns.Identity namespace;

    private final @Nullable Map<String, Object> answers;

    private NftablesReader(NetlinkSocket socket, Netns.Identity namespace) {
        this(socket, namespace, null);
    }

    private NftablesReader(NetlinkSocket socket, Netns.Identity namespace, @Nullable Map<String, Object> answers) {
        this.socket = socket;
        this.namespace = namespace;
        this.answers = answers;
    }

    /** The same socket, for many questions about one state: the kernel is asked each question once. For one thread. */
    public NftablesReader askingOnce() {
        return new NftablesReader(socket, namespace, new HashMap<>());
    }

    @SuppressWarnings("unchecked")
    private <T> T ask(String question, Supplier<T> kernel) {
        return answers == null ? kernel.get() : (T) answers.computeIfAbsent(question, _ -> kernel.get());
    }

    /** In the namespace of this process; inside {@link Netns#call} in that one. */
    public static NftablesReader open() {
        try (Netns here = Netns.current()) {
            return new NftablesReader(NetlinkSocket.open(NetlinkSocket.NETFILTER), here.identity());
        }
    }

    /** In that namespace. */
    public static NftablesReader open(Netns namespace) {
        return new NftablesReader(NetlinkSocket.open(namespace, NetlinkSocket.NETFILTER), namespace.identity());
    }

    /** The namespace whose tables are read. */
    public Netns.Identity namespace() {
        return namespace;
    }

    private static Message message(int type, int flags, String family) {
        return new Message(type, flags).u8(number(family)).u8(0).u16(0); // struct nfgenmsg
    }

    private static int number(String family) {
        return switch (family) {
            case "inet" -> 1;
            case "ip" -> 2;
            case "arp" -> 3;
            case "netdev" -> 5;
            case "bridge" -> 7;
            case "ip6" -> 10;
            default -> throw new IllegalArgumentException("not an nft family: " + family);
        };
    }

    public boolean hasTable(String family, String table) {
        return table(family, table).isPresent();
    }

    /** The table; empty when there is none. */
    public Optional<Table> table(String family, String table) {
        return find(
                "find nft table " + family + " " + table,
                message(NFT_MSG_GETTABLE, 0, family).string(NFTA_TABLE_NAME, table),
                attributes -> new Table(
                        attributes.be64(NFTA_TABLE_HANDLE),
                        (attributes.be32(NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT) != 0));
    }

    /** The chain; empty when there is none. */
    public Optional<Chain> chain(String family, String table, String chain) {
        return find(
                "find nft chain " + family + " " + table + " " + chain,
                message(NFT_MSG_GETCHAIN, 0, family)
                        .string(NFTA_CHAIN_TABLE, table)
                        .string(NFTA_CHAIN_NAME, chain),
                attributes -> new Chain(
                        attributes.has(NFTA_CHAIN_HOOK)
                                ? Optional.of(hook(attributes.nested(NFTA_CHAIN_HOOK)))
                                : Optional.empty()));
    }

    private static Hook hook(Attributes hook) {
        return new Hook(hook.be32(NFTA_HOOK_HOOKNUM), hook.be32(NFTA_HOOK_PRIORITY), hook.string(NFTA_HOOK_DEV));
    }

    private <T> Optional<T> find(String attempted, Message message, Function<Attributes, T> parse) {
        return ask(attempted, () -> {
            try {
                return Optional.of(socket.get(
                        attempted,
                        message,
                        (_, payload) -> Optional.of(parse.apply(Attributes.read(payload.position(GENERIC))))));
            } catch (LinuxException e) {
                if (e.isGone()) {
                    return Optional.empty();
                }
                throw e;
            }
        });
    }

    /** The rules of one table in order, none when there is no such table. */
    public List<Rule> rules(String family, String table) {
        return rules(family, table, _ -> true);
    }

    /** As {@link #rules(String, String)}, those with such a comment only. */
    public List<Rule> rules(String family, String table, Predicate<String> comment) {
        if (answers == null) {
            return list(family, table, comment);
        }
        String question = "rules of " + family + " " + table;
        return ask(question, () -> list(family, table, _ -> true)).stream()
                .filter(rule -> comment.test(rule.comment()))
                .toList();
    }

    private List<Rule> list(String family, String table, Predicate<String> comment) {
        return socket.dump(
                "list nft rules of table " + family + " " + table,
                message(NFT_MSG_GETRULE, Message.DUMP, family).string(NFTA_RULE_TABLE, table),
                (_, payload) -> read(payload, table, comment));
    }

    private static Optional<Rule> read(ByteBuffer payload, String table, Predicate<String> wanted) {
        Attributes attributes = Attributes.read(payload.position(GENERIC));
        if (!attributes.string(NFTA_RULE_TABLE).equals(table)) {
            return Optional.empty();
        }
        String comment = comment(attributes.value(NFTA_RULE_USERDATA));
        return wanted.test(comment)
                ? Optional.of(new Rule(
                        attributes.string(NFTA_RULE_CHAIN),
                        attributes.be64(NFTA_RULE_HANDLE),
                        comment,
                        expressions(attributes.value(NFTA_RULE_EXPRESSIONS))))
                : Optional.empty();
    }

    /** A list of attributes, one an expression. A counter's data changes with each packet and is left out. */
    private static String expressions(ByteBuffer list) {
        StringBuilder text = new StringBuilder();
        for (Attributes expression : Attributes.list(list)) {
            String name = expression.string(NFTA_EXPR_NAME);
            text.append(name).append(' ');
            if (!name.equals("counter")) {
                HexFormat.of().formatHex(text, expression.bytes(NFTA_EXPR_DATA)).append(' ');
            }
        }
        return text.toString();
    }

    /** The elements of a set of addresses, none when there is no such set. */
    public List<Element> addresses(String family, String table, String set) {
        try {
            return socket
                    .<List<Element>>dump(
                            "list nft set " + family + " " + table + " " + set,
                            message(NFT_MSG_GETSETELEM, Message.DUMP, family)
                                    .string(NFTA_SET_ELEM_LIST_TABLE, table)
                                    .string(NFTA_SET_ELEM_LIST_SET, set),
                            (_, payload) -> Optional.of(elements(Attributes.read(payload.position(GENERIC)))))
                    .stream()
                    .flatMap(List::stream)
                    .toList();
        } catch (LinuxException e) {
            if (e.isGone()) {
                return List.of();
            }
            throw e;
        }
    }

    private static List<Element> elements(Attributes message) {
        return Attributes.list(message.value(NFTA_SET_ELEM_LIST_ELEMENTS)).stream()
                .flatMap(element -> Stream.ofNullable(
                                element.nested(NFTA_SET_ELEM_KEY).address(NFTA_DATA_VALUE))
                        .map(address -> new Element(
                                address,
                                element.nested(NFTA_SET_ELEM_EXPR)
                                        .nested(NFTA_EXPR_DATA)
                                        .be64(NFTA_COUNTER_PACKETS))))
                .toList();
    }

    /** User data is what nft keeps for itself: type, length, value, each of one byte but the value (libnftnl/udata.h). */
    private static String comment(ByteBuffer data) {
        while (data.remaining() >= 2) {
            int type = Byte.toUnsignedInt(data.get());
            byte[] value = new byte[Math.min(Byte.toUnsignedInt(data.get()), data.remaining())];
            data.get(value);
            if (type == UDATA_COMMENT) {
                int length = value.length > 0 && value[value.length - 1] == 0 ? value.length - 1 : value.length;
                return new String(value, 0, length, StandardCharsets.UTF_8);
            }
        }
        return "";
    }

    @Override
    public void close() {
        socket.close();
    }
}
