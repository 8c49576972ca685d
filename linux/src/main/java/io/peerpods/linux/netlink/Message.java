package io.peerpods.linux.netlink;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.sys.Libc;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Builds one netlink request: header, a fixed struct, attributes (linux/netlink.h). Not thread safe. */
public final class Message {

    /** Flags of the header. */
    static final int REQUEST = 1;

    static final int ACK = 4;
    static final int DUMP = 0x300;
    static final int REPLACE = 0x100;
    static final int EXCL = 0x200;
    static final int CREATE = 0x400;
    static final int APPEND = 0x800;

    static final int HEADER = 16;
    private static final int NESTED = 0x8000;

    private final ByteBuffer buffer = ByteBuffer.allocate(4096).order(ByteOrder.nativeOrder());

    public Message(int type, int flags) {
        buffer.putInt(0)
                .putShort((short) type)
                .putShort((short) (flags | REQUEST))
                .putInt(0)
                .putInt(0);
    }

    Message u8(int value) {
        buffer.put((byte) value);
        return this;
    }

    Message u16(int value) {
        buffer.putShort((short) value);
        return this;
    }

    Message u32(int value) {
        buffer.putInt(value);
        return this;
    }

    /** Part of the fixed struct, as it is. */
    Message raw(byte[] value) {
        buffer.put(value);
        return this;
    }

    Message bytes(int type, byte[] value) {
        buffer.putShort((short) (4 + value.length)).putShort((short) type).put(value);
        return pad();
    }

    Message flag(int type) {
        return bytes(type, new byte[0]);
    }

    Message u8(int type, int value) {
        return bytes(type, new byte[] {(byte) value});
    }

    Message u16(int type, int value) {
        buffer.putShort((short) 6).putShort((short) type).putShort((short) value);
        return pad();
    }

    Message u32(int type, int value) {
        buffer.putShort((short) 8).putShort((short) type).putInt(value);
        return this;
    }

    Message be16(int type, int value) {
        return bytes(type, new byte[] {(byte) (value >> 8), (byte) value});
    }

    Message string(int type, String value) {
        return bytes(type, (value + '\0').getBytes(StandardCharsets.UTF_8));
    }

    Message address(int type, InetAddress address) {
        return bytes(type, address.getAddress());
    }

    /** Opens a nested attribute: what {@code content} appends is inside. */
    Message nest(int type, Runnable content) {
        int start = buffer.position();
        buffer.putShort((short) 0).putShort((short) (type | NESTED));
        content.run();
        buffer.putShort(start, (short) (buffer.position() - start));
        return pad();
    }

    private Message pad() {
        while ((buffer.position() & 3) != 0) {
            buffer.put((byte) 0);
        }
        return this;
    }

    static int family(InetAddress address) {
        return IpAddresses.isIpv4(address) ? Libc.AF_INET : Libc.AF_INET6;
    }

    boolean isDump() {
        return (buffer.getShort(6) & DUMP) == DUMP;
    }

    /** Asks for an answer that says how it went. */
    Message acknowledged() {
        buffer.putShort(6, (short) (buffer.getShort(6) | ACK));
        return this;
    }

    boolean isAcknowledged() {
        return (buffer.getShort(6) & ACK) != 0;
    }

    /** The finished bytes, with this sequence number. */
    ByteBuffer finish(int sequence) {
        buffer.putInt(0, buffer.position()).putInt(8, sequence);
        return buffer.duplicate().flip();
    }
}
