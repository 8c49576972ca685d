package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.ttrpc.TtrpcServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;

/** Sockets and ports of the agent path: what is refused, and by which name. */
class AgentPathSocketsTest extends AgentPath {

    @Test
    void theSocketIsPrivateAndReplacesAStaleOne() throws Exception {
        relay(tls.worker()).close();
        Files.createFile(shimSocket);
        relay(tls.worker());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(shimSocket)))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(shimSocket.getParent())))
                .isEqualTo("rwx------");
    }

    @Test
    void pathsThatKataCannotUseAreRefused() {
        Path tooLong = directory.resolve("x".repeat(120));
        assertThatThrownBy(() -> AgentRelay.listen(RelayOptions.of("pod VM x", tooLong, Transport.plain())))
                .hasMessageContaining("at most 107");
        Path colon = Path.of("/tmp/a:b/agent.ttrpc");
        assertThatThrownBy(() -> AgentRelay.listen(RelayOptions.of("pod VM x", colon, Transport.plain())))
                .hasMessageContaining("Kata cannot use");
    }

    @Test
    void aPortThatIsTakenIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            InetSocketAddress address = (InetSocketAddress) taken.getLocalSocketAddress();
            assertThatThrownBy(() -> Forwarder.listen(ForwarderOptions.of(address, agentSocket, Transport.plain())))
                    .hasMessageContaining("127.0.0.1:" + address.getPort())
                    .hasMessageContaining("in use");
        }
    }

    @Test
    void asManyWorkersConnectAtOnceAsTheKernelLets() throws Exception {
        Forwarder forwarder = forwarder(Transport.plain());
        // By lines: the kernel gives only the first read of a number something, and readString begins with one byte.
        long somaxconn = Long.parseLong(
                Files.readAllLines(Path.of("/proc/sys/net/core/somaxconn")).getFirst());
        assertThat(backlog(forwarder.address().getPort())).isEqualTo(Math.min(somaxconn, TtrpcServer.BACKLOG));
    }

    /** What the kernel says of a listener's queue: ss(8) shows its length as Send-Q. */
    private static long backlog(int port) throws Exception {
        Process ss = new ProcessBuilder("ss", "-Hltn", "sport = :" + port).start();
        String line = new String(ss.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(ss.waitFor()).isZero();
        return Long.parseLong(line.split("\\s+", -1)[2]);
    }
}
