package io.peerpods.linux.netlink;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.sys.Libc;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** struct fib_rule_hdr and FRA_* (linux/fib_rules.h). */
final class RuleCodec {

    private static final int FRA_DST = 1;
    private static final int FRA_SRC = 2;
    private static final int FRA_IIFNAME = 3;
    private static final int FRA_PRIORITY = 6;
    private static final int FRA_FWMARK = 10;
    private static final int FRA_TABLE = 15;

    private RuleCodec() {}

    private static Message header(
            int type, int flags, int family, int toLength, int fromLength, int table, int action) {
        return new Message(type, flags)
                .u8(family)
                .u8(toLength)
                .u8(fromLength)
                .u8(0)
                .u8(table)
                .u8(0)
                .u8(0)
                .u8(action)
                .u32(0);
    }

    static Message dump(int type, int family) {
        return header(type, Message.DUMP, family, 0, 0, 0, 0);
    }

    static Message write(int type, int flags, Rule rule) {
        int table = rule.table();
        Message message = header(
                type,
                flags,
                rule.ipv6() ? Libc.AF_INET6 : Libc.AF_INET,
                rule.to() == null ? 0 : rule.to().length(),
                rule.from() == null ? 0 : rule.from().length(),
                table > 0 && table < 256 ? table : 0,
                rule.action());
        if (rule.to() != null) {
            message.address(FRA_DST, rule.to().address());
        }
        if (rule.from() != null) {
            message.address(FRA_SRC, rule.from().address());
        }
        if (!rule.inputLink().isEmpty()) {
            message.string(FRA_IIFNAME, rule.inputLink());
        }
        if (rule.mark() != 0) {
            message.u32(FRA_FWMARK, rule.mark());
        }
        return message.u32(FRA_PRIORITY, rule.priority()).u32(FRA_TABLE, table);
    }

    static BiFunction<Integer, ByteBuffer, Optional<Rule>> reader(int family) {
        return (type, payload) ->
                Byte.toUnsignedInt(payload.get(0)) == family ? Optional.of(read(payload, family)) : Optional.empty();
    }

    private static Rule read(ByteBuffer payload, int family) {
        int toLength = Byte.toUnsignedInt(payload.get(1));
        int fromLength = Byte.toUnsignedInt(payload.get(2));
        int shortTable = Byte.toUnsignedInt(payload.get(4));
        int action = Byte.toUnsignedInt(payload.get(7));
        Attributes attributes = Attributes.read(payload.position(12));
        return new Rule(
                family == Libc.AF_INET6,
                attributes.u32(FRA_PRIORITY),
                prefix(attributes.address(FRA_SRC), fromLength),
                prefix(attributes.address(FRA_DST), toLength),
                attributes.has(FRA_TABLE) ? attributes.u32(FRA_TABLE) : shortTable,
                action,
                attributes.string(FRA_IIFNAME),
                attributes.u32(FRA_FWMARK));
    }

    private static @Nullable IpPrefix prefix(@Nullable InetAddress address, int length) {
        return address == null ? null : new IpPrefix(address, length);
    }

    static String words(Rule rule) {
        return "rule " + rule.priority() + " from " + (rule.from() == null ? "all" : rule.from())
                + (rule.to() == null ? "" : " to " + rule.to())
                + " lookup " + Integer.toUnsignedString(rule.table());
    }
}
