package io.peerpods.relay;

import io.peerpods.linux.netlink.TcpConnections;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.Socket;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection that {@link PathWatch} watches. After three seconds of silence the VM's provider is asked. After six and a half, which is
 * more than a path may be blocked for, a new connection is tried: the repetition of a lost packet can come later than that although the
 * path is open again.
 */
final class WatchedPath {

    private static final Logger LOG = LoggerFactory.getLogger(WatchedPath.class);

    static final Duration ASKING = Duration.ofSeconds(3);
    static final Duration SUSPICIOUS = Duration.ofMillis(6500);
    private static final Duration SECOND_LOOK = Duration.ofMillis(1500);

    private final Upstream upstream;
    private final InetSocketAddress local;
    private final InetSocketAddress peer;
    private final PeerState state;
    private final AtomicBoolean asking = new AtomicBoolean();
    private final AtomicBoolean trying = new AtomicBoolean();

    WatchedPath(Upstream upstream, InetSocketAddress local, InetSocketAddress peer, PeerState state) {
        this.upstream = upstream;
        this.local = local;
        this.peer = peer;
        this.state = state;
    }

    boolean isOpen() {
        return upstream.isOpen();
    }

    /** How long the peer is silent; empty when that is not known. */
    Optional<Duration> silence(TcpConnections connections) {
        return connections.sinceHeard(local, peer);
    }

    /** Finds out why the peer is silent, in the background. Returns at once. */
    void judge(Duration silence, Supplier<Optional<Duration>> again) {
        if (silence.compareTo(ASKING) >= 0) {
            inBackground("ask-provider", asking, () -> state.ended().ifPresent(upstream::lose));
        }
        if (silence.compareTo(SUSPICIOUS) >= 0) {
            inBackground("second-look", trying, () -> lookAgain(again));
        }
    }

    private void lookAgain(Supplier<Optional<Duration>> again) {
        Optional<String> failure = tryConnection();
        Duration silence = again.get().orElse(Duration.ZERO);
        if (failure.isPresent() && silence.compareTo(SUSPICIOUS) >= 0) {
            upstream.lose(
                    "it is silent for " + silence.toMillis() + " ms, and a new connection fails: " + failure.get());
        }
    }

    /** Why no connection is to be had; empty when the other kernel answers, be it with a refusal. */
    private Optional<String> tryConnection() {
        try (Socket socket = new Socket()) {
            socket.connect(peer, Math.toIntExact(SECOND_LOOK.toMillis()));
            return Optional.empty();
        } catch (NoRouteToHostException e) {
            return Optional.of(Sockets.reason(e));
        } catch (ConnectException refused) {
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(Sockets.reason(e));
        }
    }

    /** One at a time of each kind. What fails is tried again by the next look. */
    private void inBackground(String name, AtomicBoolean busy, Runnable work) {
        if (!busy.compareAndSet(false, true)) {
            return;
        }
        Thread.ofVirtual().name(name).start(() -> {
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                LOG.error("{}: why it is silent could not be found out; the next look tries again", peer, e);
            } finally {
                busy.set(false);
            }
        });
    }
}
