package io.peerpods.adaptor;

import io.peerpods.linux.Sysctls;
import io.peerpods.ttrpc.TtrpcServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** What the kernel leaves of the backlogs of our unix sockets. */
final class ListenBacklog {

    private static final Path SOMAXCONN = Path.of("/proc/sys/net/core/somaxconn");

    private ListenBacklog() {}

    /** What the operator should know when the kernel cuts them. A limit that cannot be read is no reason to complain. */
    static Optional<String> warning() {
        try {
            return warning(Integer.parseInt(Sysctls.read(SOMAXCONN)));
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    static Optional<String> warning(int somaxconn) {
        return somaxconn >= TtrpcServer.BACKLOG
                ? Optional.empty()
                : Optional.of("net.core.somaxconn is " + somaxconn
                        + ": when more calls of Kata than that arrive at once, pods fail to"
                        + " start with \"resource temporarily unavailable\"; set it to " + TtrpcServer.BACKLOG
                        + " in the adaptor's network namespace, before the adaptor starts");
    }
}
