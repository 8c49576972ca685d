package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
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
}
