package io.peerpods.vpc.standin;

import io.peerpods.ttrpc.TtrpcServer;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;

/**
 * Stands in for kata-agent in a pod VM that has none, and is not one: it listens on the same socket, speaks the same protocol and takes
 * the same way through podvm-agent, but a container is only a process in the network namespace that its OCI spec names, without image,
 * cgroup or isolation from the VM. For the local provider, demos and tests.
 */
public final class StandInKataAgent implements AutoCloseable {

    private final TtrpcServer server;

    private StandInKataAgent(TtrpcServer server) {
        this.server = server;
    }

    /**
     * Listens on that socket; files are copied into its directory and nowhere else.
     *
     * @throws IOException naming the socket, when it cannot be listened on
     */
    public static StandInKataAgent listen(Path socket) throws IOException {
        Path directory = Objects.requireNonNull(socket.toAbsolutePath().getParent());
        Files.createDirectories(directory);
        return new StandInKataAgent(TtrpcServer.builder()
                .addService(new StandInAgentService(new GuestFiles(directory)))
                .addService(new StandInHealth())
                .listen(UnixDomainSocketAddress.of(socket)));
    }

    @Override
    public void close() {
        server.close();
    }

    /** One argument: the socket. Runs until it is killed. */
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length != 1) {
            System.err.println("usage: StandInKataAgent <socket>");
            System.exit(2);
        }
        try (StandInKataAgent agent = listen(Path.of(args[0]))) {
            System.out.println("standin-kata-agent: listening on " + args[0]);
            new CountDownLatch(1).await();
            Objects.requireNonNull(agent);
        }
    }
}
