package io.peerpods.relay;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.PathHandle;
import java.io.Closeable;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way to kata-agent for the life of the VM. kata-agent removes its own socket in CreateSandbox, so the socket that answered once is
 * held by a descriptor and connected to by that. Until the first connection stands the socket is waited for; from then on a refusal
 * means that kata-agent is dead. Thread-safe.
 */
final class AgentSocket implements Closeable {

    private static final Logger LOG = LoggerFactory.getLogger(AgentSocket.class);

    private static final Duration RETRY = Duration.ofMillis(25);

    /** An ending process closes its connections a moment before its listener; one that is started again needs a moment too. */
    private static final int LOOKS = 8;

    private static final Duration FIRST_LOOK = Duration.ofMillis(10);

    /** A caller hears why before its own deadline is over. */
    private static final Duration AHEAD = Duration.ofSeconds(1);

    private final Path path;
    private final Duration patience;
    /** One for each start of kata-agent. None is closed early: another thread may be connecting by it. */
    private final List<PathHandle> opened = new ArrayList<>();

    private volatile @Nullable PathHandle held;
    private volatile boolean closed;

    /** @param patience how long the socket is waited for */
    AgentSocket(Path path, Duration patience) {
        this.path = path;
        this.patience = patience;
    }

    String name() {
        return "kata-agent (" + path + ")";
    }

    /**
     * Connects.
     *
     * @param limit how long the caller can wait, should that be shorter than the agent is waited for
     * @throws StatusException UNAVAILABLE, with kata-agent, its socket, and how long was waited or that it is dead
     */
    SocketChannel connect(Duration limit) throws StatusException {
        Duration ahead = AHEAD.compareTo(limit.dividedBy(10)) < 0 ? AHEAD : limit.dividedBy(10);
        Duration shorter = limit.minus(ahead);
        Duration wait = shorter.compareTo(patience) < 0 ? shorter : patience;
        long end = System.nanoTime() + wait.toNanos();
        while (!closed) {
            try {
                return connectNow();
            } catch (IOException e) {
                if (held != null && e instanceof ConnectException) {
                    throw dead(e);
                }
                if (System.nanoTime() - end >= 0) {
                    throw Status.UNAVAILABLE
                            .withDescription(
                                    name() + " has not come within " + wait.toMillis() + " ms: " + Sockets.reason(e))
                            .asException();
                }
                pause(RETRY);
            }
        }
        throw stopping();
    }

    /** After a connection broke: why kata-agent is dead, or null when it still answers. Takes up to two seconds. */
    @Nullable
    Status death() {
        if (held == null) {
            return null; // it may still come
        }
        Duration next = FIRST_LOOK;
        for (int i = 0; i < LOOKS && !closed; i++) {
            try (SocketChannel _ = connectNow()) {
                LOG.trace("{} answers", name());
            } catch (ConnectException e) {
                return dead(e).getStatus();
            } catch (IOException busy) {
                LOG.debug("{}: {}", name(), Sockets.reason(busy));
            }
            pause(next);
            next = next.multipliedBy(2);
        }
        return null;
    }

    private StatusException dead(IOException e) {
        return Status.UNAVAILABLE
                .withDescription(name() + " has ended, and the pod with it: " + Sockets.reason(e))
                .asException();
    }

    private static StatusException stopping() {
        return Status.UNAVAILABLE.withDescription("podvm-agent is stopping").asException();
    }

    /** By the socket that is held, else by the one that is at the path now. */
    private SocketChannel connectNow() throws IOException {
        PathHandle known = held;
        if (known == null) {
            return connectByPath();
        }
        try {
            return Sockets.connect(known.path());
        } catch (ConnectException refused) {
            try {
                return connectByPath(); // it was started again
            } catch (IOException stillGone) {
                throw refused;
            }
        }
    }

    private SocketChannel connectByPath() throws IOException {
        PathHandle fresh;
        try {
            fresh = PathHandle.open(path);
        } catch (LinuxException e) {
            throw new IOException(Sockets.reason(e), e);
        }
        try {
            SocketChannel socket = Sockets.connect(fresh.path());
            hold(fresh);
            return socket;
        } catch (IOException e) {
            fresh.close();
            throw e;
        }
    }

    private synchronized void hold(PathHandle handle) {
        opened.add(handle);
        held = handle;
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends waiting. Connections stay. */
    @Override
    public void close() {
        closed = true;
        synchronized (this) {
            opened.forEach(PathHandle::close);
            opened.clear();
        }
    }
}
