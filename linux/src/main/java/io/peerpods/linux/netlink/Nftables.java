package io.peerpods.linux.netlink;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Reads nftables of one network namespace over netlink, which takes microseconds where {@code nft -j list} takes milliseconds
 * (linux/netfilter/nf_tables.h). Changes go through {@code nft}. Thread safe, callable from virtual threads.
 */
public final class Nftables implements AutoCloseable {

    private static final int SUBSYSTEM = 10 << 8; // NFNL_SUBSYS_NFTABLES
    private static final int NFT_MSG_GETTABLE = SUBSYSTEM | 1;
    private static final int NFT_MSG_GETRULE = SUBSYSTEM | 7;
    private static final int NFTA_TABLE_NAME = 1;
    private static final int NFTA_RULE_TABLE = 1;
    private static final int NFTA_RULE_CHAIN = 2;
    private static final int NFTA_RULE_HANDLE = 3;
    private static final int NFTA_RULE_USERDATA = 7;
    private static final int UDATA_COMMENT = 0;

    /**
     * A rule.
     *
     * @param handle number that deletes it
     * @param comment empty for none
     */
    public record Rule(String chain, long handle, String comment) {}

    private final NetlinkSocket socket;

    private Nftables(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** In the namespace of this process; inside {@link Netns#call} in that one. */
    public static Nftables open() {
        return new Nftables(NetlinkSocket.open(NetlinkSocket.NETFILTER));
    }

    /** In that namespace. */
    public static Nftables open(Netns namespace) {
        return new Nftables(NetlinkSocket.open(namespace, NetlinkSocket.NETFILTER));
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
        try {
            return socket.get(
                    "find nft table " + family + " " + table,
                    message(NFT_MSG_GETTABLE, 0, family).string(NFTA_TABLE_NAME, table),
                    (_, _) -> Optional.of(true));
        } catch (LinuxException e) {
            if (e.isGone()) {
                return false;
            }
            throw e;
        }
    }

    /** The rules of one table in order, none when there is no such table. */
    public List<Rule> rules(String family, String table) {
        return socket.dump(
                "list nft rules of table " + family + " " + table,
                message(NFT_MSG_GETRULE, Message.DUMP, family).string(NFTA_RULE_TABLE, table),
                (_, payload) -> read(payload, table));
    }

    private static Optional<Rule> read(ByteBuffer payload, String table) {
        Attributes attributes = Attributes.read(payload.position(4));
        if (!attributes.string(NFTA_RULE_TABLE).equals(table)) {
            return Optional.empty();
        }
        return Optional.of(new Rule(
                attributes.string(NFTA_RULE_CHAIN),
                attributes.be64(NFTA_RULE_HANDLE),
                comment(attributes.value(NFTA_RULE_USERDATA))));
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
