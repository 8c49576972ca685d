package io.peerpods.relay;

import io.peerpods.proto.hypervisor.HypervisorGrpc;
import io.peerpods.ttrpc.TtrpcServer;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

/** A process with each kind of listener that the daemons have, for {@link DescriptorsTest}; ends with its standard input. */
final class DescriptorsMain {

    private DescriptorsMain() {}

    /**
     * Listens until its standard input ends.
     *
     * @param args a directory for the sockets: {@code server} and {@code relay}
     */
    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        try (var _ = TtrpcServer.builder()
                        .addService(new HypervisorGrpc.HypervisorImplBase() {})
                        .listen(UnixDomainSocketAddress.of(directory.resolve("server")));
                var _ = AgentRelay.listen(
                        RelayOptions.of("pod VM test", directory.resolve("relay"), Transport.plain()))) {
            System.out.println("ready");
            System.out.flush();
            while (System.in.read() >= 0) {
                // The test lives.
            }
        }
    }
}
