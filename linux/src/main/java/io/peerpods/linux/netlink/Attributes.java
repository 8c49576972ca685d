package io.peerpods.linux.netlink;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.MacAddress;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** The attributes of one netlink message or of one nested attribute, by type; of a repeated type the last counts. */
final class Attributes {

    private static final Attributes NONE = new Attributes(Map.of());
    private static final int TYPE_MASK = 0x3fff;

    private final Map<Integer, ByteBuffer> values;

    private Attributes(Map<Integer, ByteBuffer> values) {
        this.values = values;
    }

    /** A list of nested attributes, in order; their types say nothing. Ends as {@link #read} does. */
    static List<Attributes> list(ByteBuffer buffer) {
        List<Attributes> list = new ArrayList<>();
        walk(buffer, (_, value) -> list.add(read(value)));
        return list;
    }

    /** Reads what remains of the buffer. A length that does not fit ends the reading: what follows cannot be told apart. */
    static Attributes read(ByteBuffer buffer) {
        Map<Integer, ByteBuffer> values = new HashMap<>();
        walk(buffer, values::put);
        return new Attributes(values);
    }

    private static void walk(ByteBuffer buffer, BiConsumer<Integer, ByteBuffer> attribute) {
        ByteBuffer rest = buffer.slice().order(ByteOrder.nativeOrder());
        while (rest.remaining() >= 4) {
            int start = rest.position();
            int length = Short.toUnsignedInt(rest.getShort(start));
            if (length < 4 || length > rest.remaining()) {
                break;
            }
            attribute.accept(
                    rest.getShort(start + 2) & TYPE_MASK,
                    rest.slice(start + 4, length - 4).order(ByteOrder.nativeOrder()));
            rest.position(Math.min(rest.limit(), start + (length + 3 & ~3)));
        }
    }

    boolean has(int type) {
        return values.containsKey(type);
    }

    int u8(int type) {
        ByteBuffer value = values.get(type);
        return value == null || value.remaining() < 1 ? 0 : Byte.toUnsignedInt(value.get(0));
    }

    int u32(int type) {
        ByteBuffer value = values.get(type);
        return value == null || value.remaining() < 4 ? 0 : value.getInt(0);
    }

    int be32(int type) {
        ByteBuffer value = values.get(type);
        return value == null || value.remaining() < 4
                ? 0
                : value.duplicate().order(ByteOrder.BIG_ENDIAN).getInt(0);
    }

    int be16(int type, int offset) {
        ByteBuffer value = values.get(type);
        return value == null || value.remaining() < offset + 2
                ? 0
                : Byte.toUnsignedInt(value.get(offset)) << 8 | Byte.toUnsignedInt(value.get(offset + 1));
    }

    long be64(int type) {
        ByteBuffer value = values.get(type);
        return value == null || value.remaining() < 8
                ? 0
                : value.duplicate().order(ByteOrder.BIG_ENDIAN).getLong(0);
    }

    /** Text up to the first zero byte; empty when the attribute lacks. */
    String string(int type) {
        byte[] bytes = bytes(type);
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    byte[] bytes(int type) {
        ByteBuffer value = values.get(type);
        byte[] bytes = new byte[value == null ? 0 : value.remaining()];
        if (value != null) {
            value.get(0, bytes);
        }
        return bytes;
    }

    /** The raw value, empty when the attribute lacks. */
    ByteBuffer value(int type) {
        return ByteBuffer.wrap(bytes(type)).order(ByteOrder.nativeOrder());
    }

    @Nullable
    InetAddress address(int type) {
        byte[] bytes = bytes(type);
        return bytes.length == 4 || bytes.length == 16 ? IpAddresses.of(bytes) : null;
    }

    @Nullable
    MacAddress mac(int type) {
        byte[] bytes = bytes(type);
        return bytes.length == 6 ? MacAddress.of(bytes) : null;
    }

    Attributes nested(int type) {
        ByteBuffer value = values.get(type);
        return value == null ? NONE : read(value);
    }

    /** Every value, read as nested attributes: for lists, whose types are mere positions. */
    Collection<Attributes> each() {
        return values.values().stream().map(Attributes::read).toList();
    }
}
