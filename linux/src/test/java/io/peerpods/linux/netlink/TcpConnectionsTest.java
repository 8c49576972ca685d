package io.peerpods.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against the real kernel; needs no privilege. */
class TcpConnectionsTest {

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void theSilenceOfAPeerGrowsUntilItIsHeardAgain(String address) throws Exception {
        try (TcpConnections connections = TcpConnections.open();
                ServerSocket listener = new ServerSocket(0, 1, InetAddress.getByName(address));
                SocketChannel client = SocketChannel.open(listener.getLocalSocketAddress());
                var peer = listener.accept()) {
            InetSocketAddress local = (InetSocketAddress) client.getLocalAddress();
            InetSocketAddress remote = (InetSocketAddress) client.getRemoteAddress();
            Duration noticeable = Duration.ofMillis(300);
            Duration silence = connections.sinceHeard(local, remote).orElseThrow();
            while (silence.compareTo(noticeable) < 0) {
                Thread.sleep(20);
                Duration next = connections.sinceHeard(local, remote).orElseThrow();
                assertThat(next).isGreaterThanOrEqualTo(silence);
                silence = next;
            }
            peer.getOutputStream().write(1);
            long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (connections.sinceHeard(local, remote).orElseThrow().compareTo(silence) >= 0) {
                assertThat(System.nanoTime()).isLessThan(deadline);
            }
        }
    }

    @Test
    void aConnectionThatDoesNotExistHasNoAnswer() throws Exception {
        try (TcpConnections connections = TcpConnections.open()) {
            assertThat(connections.sinceHeard(
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), 1),
                            new InetSocketAddress(InetAddress.getLoopbackAddress(), 2)))
                    .isEmpty();
        }
    }
}
