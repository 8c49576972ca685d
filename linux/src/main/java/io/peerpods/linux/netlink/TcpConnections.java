package io.peerpods.linux.netlink;

import io.peerpods.linux.LinuxException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;

/**
 * What the kernel knows of the TCP connections of this process's network namespace (linux/sock_diag.h, linux/inet_diag.h). Thread safe,
 * callable from virtual threads.
 */
public final class TcpConnections implements AutoCloseable {

    private static final int SOCK_DIAG_BY_FAMILY = 20;
    private static final int IPPROTO_TCP = 6;
    private static final int INET_DIAG_INFO = 2;
    private static final int ALL_STATES = -1;
    private static final int ANY_INTERFACE = 0;
    private static final int NO_COOKIE = -1;
    private static final int ADDRESS_BYTES = 16;

    /** The size of struct inet_diag_msg; attributes follow. */
    private static final int ANSWER_BYTES = 72;

    // Offsets in struct tcp_info (linux/tcp.h); milliseconds.
    private static final int LAST_DATA_RECEIVED = 52;
    private static final int LAST_ACK_RECEIVED = 56;
    private static final int END = 60;

    private final NetlinkSocket socket;

    private TcpConnections(NetlinkSocket socket) {
        this.socket = socket;
    }

    /**
     * Opens the kernel's socket diagnosis for the calling thread's network namespace.
     *
     * @throws LinuxException when the kernel has none
     */
    public static TcpConnections open() {
        return new TcpConnections(NetlinkSocket.open(NetlinkSocket.SOCK_DIAG));
    }

    /**
     * How long ago the peer's kernel last sent data, or acknowledged data or a keep-alive probe.
     *
     * @return empty when there is no such connection, or the kernel's module {@code tcp_diag} is missing
     * @throws LinuxException when the kernel cannot be asked
     */
    public Optional<Duration> sinceHeard(InetSocketAddress local, InetSocketAddress peer) {
        try {
            return socket.get(
                    "look at the TCP connection with " + peer,
                    question(local, peer),
                    (type, answer) -> Optional.of(type == SOCK_DIAG_BY_FAMILY ? silence(answer) : Optional.empty()));
        } catch (LinuxException e) {
            if (e.isGone()) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** struct inet_diag_req_v2. */
    private static Message question(InetSocketAddress local, InetSocketAddress peer) {
        return new Message(SOCK_DIAG_BY_FAMILY, 0)
                .u8(Message.family(peer.getAddress()))
                .u8(IPPROTO_TCP)
                .u8(1 << (INET_DIAG_INFO - 1))
                .u8(0)
                .u32(ALL_STATES)
                .raw(port(local))
                .raw(port(peer))
                .raw(padded(local.getAddress()))
                .raw(padded(peer.getAddress()))
                .u32(ANY_INTERFACE)
                .u32(NO_COOKIE)
                .u32(NO_COOKIE);
    }

    private static byte[] port(InetSocketAddress address) {
        return new byte[] {(byte) (address.getPort() >> 8), (byte) address.getPort()};
    }

    private static byte[] padded(InetAddress address) {
        return Arrays.copyOf(address.getAddress(), ADDRESS_BYTES);
    }

    private static Optional<Duration> silence(ByteBuffer answer) {
        if (answer.remaining() < ANSWER_BYTES) {
            return Optional.empty();
        }
        ByteBuffer info = Attributes.read(answer.position(ANSWER_BYTES)).value(INET_DIAG_INFO);
        if (info.remaining() < END) {
            return Optional.empty(); // a socket that is being closed has none
        }
        long data = Integer.toUnsignedLong(info.getInt(LAST_DATA_RECEIVED));
        long acknowledgement = Integer.toUnsignedLong(info.getInt(LAST_ACK_RECEIVED));
        return Optional.of(Duration.ofMillis(Math.min(data, acknowledgement)));
    }

    @Override
    public void close() {
        socket.close();
    }
}
