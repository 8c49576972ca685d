package io.peerpods.network.vm;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.PacketSocket;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.ProbeFrame;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The VM's answer to {@code TunnelProbe}: sends each probe that comes out of the tunnel back to its sender, a frame for a frame of the same
 * length, and counts them. Runs on a thread of its own until it is closed or the tunnel's link is gone. Thread-safe.
 */
public final class ProbeResponder implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ProbeResponder.class);

    private static final Duration LOOK_UP = Duration.ofSeconds(1);
    /** One start has one nonce; more are repeated starts, or somebody who plays. */
    private static final int MOST_NONCES = 64;

    private final PacketSocket socket;
    private final Map<String, Integer> received = new Recent();
    private volatile boolean closed;
    private volatile boolean ended;

    private ProbeResponder(PacketSocket socket) {
        this.socket = socket;
    }

    private static final class Recent extends LinkedHashMap<String, Integer> {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Integer> eldest) {
            return size() > MOST_NONCES;
        }
    }

    /**
     * Answers from now on.
     *
     * @param podNetns the pod's namespace in the VM, where the tunnel has the name of the pod's interface
     * @throws LinuxException when there is no such namespace or tunnel, or frames cannot be received there
     */
    public static ProbeResponder start(NetnsRef podNetns, PodNetworkSpec spec) {
        String tunnel = spec.pod().name();
        ProbeResponder responder;
        try (Netns netns = Netns.open(podNetns.path())) {
            responder = netns.<ProbeResponder, LinuxException>run(() -> openHere(tunnel));
        }
        Thread.ofPlatform().daemon().name("probe-responder").start(responder::run);
        return responder;
    }

    private static ProbeResponder openHere(String tunnel) {
        try (Rtnl rtnl = Rtnl.open()) {
            return new ProbeResponder(PacketSocket.open(rtnl.requireLink(tunnel).index(), ProbeFrame.ETHERTYPE));
        }
    }

    /** How many probes with that nonce have come; empty when nothing is answered any more. */
    public OptionalInt received(String nonce) {
        if (ended) {
            return OptionalInt.empty();
        }
        synchronized (received) {
            return OptionalInt.of(received.getOrDefault(nonce, 0));
        }
    }

    private void run() {
        try (socket) {
            while (!closed) {
                socket.receive(LOOK_UP)
                        .flatMap(ProbeFrame::parse)
                        .filter(frame -> !frame.answer())
                        .ifPresent(this::answer);
            }
        } catch (RuntimeException | Error e) {
            log.warn("probes of the tunnel are no longer answered: {}", e.getMessage());
        } finally {
            ended = true;
        }
    }

    private void answer(ProbeFrame probe) {
        synchronized (received) {
            received.merge(probe.nonce(), 1, Integer::sum);
        }
        try {
            socket.send(probe.answered().bytes());
        } catch (LinuxException e) {
            log.debug("the answer to a probe of the tunnel could not be sent: {}", e.getMessage());
        }
    }

    /** The thread ends within a second. */
    @Override
    public void close() {
        closed = true;
    }
}
