package io.peerpods.network;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.sys.Libc;
import io.peerpods.linux.sys.NativeThreads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** VXLAN packets made byte by byte and put on a link as they are: what no socket would send. */
final class RawPackets {
    private static final int AF_PACKET = 17;
    private static final int UDP = 17;
    private static final int FRAGMENT = 44;
    private static final int DESTINATION_OPTIONS = 60;
    private static final int INNER = 14 + 60;

    private final InetAddress source;
    private final InetAddress destination;

    RawPackets(InetAddress source, InetAddress destination) {
        this.source = source;
        this.destination = destination;
    }

    private boolean ipv4() {
        return IpAddresses.isIpv4(source);
    }

    /** UDP with VXLAN and a small broadcast frame. */
    private byte[] datagram(int vni, int port) {
        ByteBuffer udp = ByteBuffer.allocate(8 + 8 + INNER);
        udp.putShort((short) 50000)
                .putShort((short) port)
                .putShort((short) udp.capacity())
                .putShort((short) 0);
        udp.putInt(0x08000000).putInt(vni << 8);
        udp.put(new byte[] {-1, -1, -1, -1, -1, -1, 2, 0, 0, 0, 0, 0x66}).putShort((short) 0x0800);
        udp.put((byte) 0x45);
        ByteBuffer pseudo = ByteBuffer.allocate(40 + udp.capacity());
        pseudo.put(source.getAddress())
                .put(destination.getAddress())
                .putInt(udp.capacity())
                .putInt(UDP)
                .put(udp.array());
        udp.putShort(6, (short) checksum(pseudo.array()));
        return udp.array();
    }

    private static int checksum(byte[] bytes) {
        ByteBuffer words = ByteBuffer.wrap(bytes);
        int sum = 0;
        while (words.remaining() >= 2) {
            sum += Short.toUnsignedInt(words.getShort());
        }
        while (sum >> 16 != 0) {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        return ~sum & 0xffff;
    }

    private byte[] packet(int next, int fragment, byte[] options, byte[] payload) {
        ByteBuffer packet;
        if (ipv4()) {
            packet = ByteBuffer.allocate(20 + options.length + payload.length);
            packet.put((byte) (0x45 + options.length / 4)).put((byte) 0).putShort((short) packet.capacity());
            packet.putShort((short) 0x4242)
                    .putShort((short) fragment)
                    .put((byte) 64)
                    .put((byte) next);
            packet.putShort((short) 0)
                    .put(source.getAddress())
                    .put(destination.getAddress())
                    .put(options);
            packet.putShort(10, (short) checksum(Arrays.copyOf(packet.array(), 20 + options.length)));
        } else {
            packet = ByteBuffer.allocate(40 + options.length + payload.length);
            packet.putInt(0x60000000)
                    .putShort((short) (options.length + payload.length))
                    .put((byte) next)
                    .put((byte) 64);
            packet.put(source.getAddress()).put(destination.getAddress()).put(options);
        }
        return packet.put(payload).array();
    }

    /** As everyone sends it. */
    List<byte[]> whole(int vni, int port) {
        return List.of(packet(UDP, 0, new byte[0], datagram(vni, port)));
    }

    /** With four no-operations in the IPv4 header, or an empty header of destination options. */
    List<byte[]> withOptions(int vni, int port) {
        byte[] options = ipv4() ? new byte[] {1, 1, 1, 1} : new byte[] {UDP, 0, 1, 4, 0, 0, 0, 0};
        return List.of(packet(ipv4() ? UDP : DESTINATION_OPTIONS, 0, options, datagram(vni, port)));
    }

    /** Cut behind the UDP header, so that the first fragment has the port and not the VNI. */
    List<byte[]> fragments(int vni, int port) {
        byte[] datagram = datagram(vni, port);
        List<byte[]> packets = new ArrayList<>();
        for (int offset : List.of(0, 8)) {
            byte[] piece = Arrays.copyOfRange(datagram, offset, offset == 0 ? 8 : datagram.length);
            int more = offset == 0 ? 1 : 0;
            if (ipv4()) {
                packets.add(packet(UDP, more << 13 | offset / 8, new byte[0], piece));
            } else {
                byte[] header = ByteBuffer.allocate(8)
                        .put((byte) UDP)
                        .put((byte) 0)
                        .putShort((short) (offset | more))
                        .putInt(0x4242)
                        .array();
                packets.add(packet(FRAGMENT, 0, header, piece));
            }
        }
        return packets;
    }

    /** Puts the packets on that link of the namespace, to that hardware address. */
    static void send(Netns namespace, int link, MacAddress to, List<byte[]> packets) {
        NativeThreads.callOnFreshThread(
                "raw",
                () -> namespace.runOnThisThread(() -> {
                    int socket = Libc.socket(AF_PACKET, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment address = arena.allocate(20, 8);
                        address.asByteBuffer()
                                .order(ByteOrder.nativeOrder())
                                .putShort(0, (short) AF_PACKET)
                                .putInt(4, link);
                        require("bind", Libc.bind(socket, address));
                        for (byte[] packet : packets) {
                            MemorySegment frame = arena.allocate(14 + packet.length);
                            frame.asByteBuffer()
                                    .put(to.bytes())
                                    .put(new byte[] {2, 0, 0, 0, 0, 0x66})
                                    .putShort((short) (packet[0] >> 4 == 4 ? 0x0800 : 0x86dd))
                                    .put(packet);
                            require("send", Libc.send(socket, frame, frame.byteSize()));
                        }
                    } finally {
                        Libc.close(socket);
                    }
                    return true;
                }));
    }

    private static void require(String what, long result) {
        if (result < 0) {
            throw new LinuxException(what + " on a packet socket", (int) -result);
        }
    }
}
