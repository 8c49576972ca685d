package io.peerpods.tests.lab;

import io.peerpods.linux.MacAddress;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;

/** A VXLAN frame made by hand (RFC 7348) around one UDP packet: what anybody on the underlay can send. */
final class VxlanFrame {

    private static final byte[] TEXT = {'f', 'o', 'r', 'g', 'e', 'd', '!', '!'};

    private VxlanFrame() {}

    /** Sends one from the place's own address to the tunnel's end {@code to}. */
    static void send(Place from, InetAddress to, int port, int vni, Inner inner) throws Exception {
        byte[] frame = frame(vni, inner);
        from.call(() -> {
            try (DatagramSocket socket = new DatagramSocket()) {
                socket.send(new DatagramPacket(frame, frame.length, to, port));
            }
            return frame.length;
        });
    }

    /** The UDP packet inside. */
    record Inner(MacAddress from, MacAddress to, InetAddress source, InetAddress destination, int port) {}

    static byte[] frame(int vni, Inner inner) {
        int udp = 8 + TEXT.length;
        ByteBuffer frame = ByteBuffer.allocate(8 + 14 + 20 + udp);
        frame.putInt(0x08000000).putInt(vni << 8);
        frame.put(inner.to().bytes()).put(inner.from().bytes()).putShort((short) 0x0800);
        ByteBuffer ip = ByteBuffer.allocate(20);
        ip.putShort((short) 0x4500)
                .putShort((short) (20 + udp))
                .putInt(0)
                .put((byte) 64)
                .put((byte) 17)
                .putShort((short) 0);
        ip.put(inner.source().getAddress()).put(inner.destination().getAddress());
        ip.putShort(10, checksum(ip.array()));
        frame.put(ip.array());
        // UDP's checksum is optional over IPv4.
        frame.putShort((short) 4444)
                .putShort((short) inner.port())
                .putShort((short) udp)
                .putShort((short) 0)
                .put(TEXT);
        return frame.array();
    }

    /** RFC 1071. */
    private static short checksum(byte[] header) {
        int sum = 0;
        for (int i = 0; i < header.length; i += 2) {
            sum += (header[i] & 0xff) << 8 | (header[i + 1] & 0xff);
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (short) ~sum;
    }
}
