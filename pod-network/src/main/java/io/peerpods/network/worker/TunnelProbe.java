package io.peerpods.network.worker;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.PacketSocket;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.NativeThreads;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.ProbeFrame;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;

/**
 * The worker's question whether a pod's tunnel carries frames both ways: it sends probes into the tunnel, as the pod's own frames go, and
 * waits for the answer of {@code ProbeResponder} in the VM. Answers end in the pod's namespace: a filter before the tunnel's redirect lets
 * them up to this socket, and stays as long as the tunnel, so that a late answer never reaches the CNI. For one caller at a time.
 */
public final class TunnelProbe implements AutoCloseable {

    private static final Duration BETWEEN_PROBES = Duration.ofMillis(100);
    private static final SecureRandom RANDOM = new SecureRandom();

    private final PacketSocket socket;
    private final ProbeFrame probe;

    private TunnelProbe(PacketSocket socket, ProbeFrame probe) {
        this.socket = socket;
        this.probe = probe;
    }

    /**
     * Ready to send by the tunnel of {@link WorkerPlan}, which exists.
     *
     * @param podNetns the pod's namespace on the worker
     * @throws LinuxException when there is no such namespace or tunnel, or frames cannot be sent from it
     */
    public static TunnelProbe open(NetnsRef podNetns, PodNetworkSpec spec) {
        try (Netns netns = Netns.open(podNetns.path())) {
            return netns.<TunnelProbe, LinuxException>run(
                    () -> openHere(spec.pod().mac()));
        }
    }

    private static TunnelProbe openHere(MacAddress pod) {
        try (Rtnl rtnl = Rtnl.open()) {
            Link tunnel = rtnl.requireLink(WorkerPlan.TUNNEL_LINK);
            MacAddress own = tunnel.mac();
            if (own == null) {
                throw new LinuxException("find the hardware address of " + WorkerPlan.TUNNEL_LINK, Errno.ENODEV);
            }
            rtnl.trafficControl().addPass(tunnel.index(), ProbeFrame.ETHERTYPE);
            byte[] nonce = new byte[ProbeFrame.NONCE];
            RANDOM.nextBytes(nonce);
            // Not the pod's address as source: the VM's vxlan drops what seems to come from itself.
            ProbeFrame probe = new ProbeFrame(pod, own, false, HexFormat.of().formatHex(nonce));
            return new TunnelProbe(PacketSocket.open(tunnel.index(), ProbeFrame.ETHERTYPE), probe);
        }
    }

    /** What tells these probes from all others, in hexadecimal. */
    public String nonce() {
        return probe.nonce();
    }

    /**
     * Sends probes until one is answered.
     *
     * @return false when none was within the limit
     * @throws LinuxException when the kernel does not take a frame
     */
    public boolean isAnswered(Duration limit) throws InterruptedException {
        return NativeThreads.<Boolean, InterruptedException>callInterruptibly(
                "tunnel-probe", () -> isAnsweredHere(limit));
    }

    private boolean isAnsweredHere(Duration limit) throws InterruptedException {
        long end = System.nanoTime() + limit.toNanos();
        for (long left = limit.toNanos(); left > 0; left = end - System.nanoTime()) {
            if (Thread.interrupted()) {
                throw new InterruptedException("no longer waiting for the answer to a tunnel's probe");
            }
            socket.send(probe.bytes());
            if (awaitAnswer(Math.min(left, BETWEEN_PROBES.toNanos()))) {
                return true;
            }
        }
        return false;
    }

    private boolean awaitAnswer(long nanos) {
        long end = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = end - System.nanoTime()) {
            boolean answered = socket.receive(Duration.ofNanos(left))
                    .flatMap(ProbeFrame::parse)
                    .filter(frame -> frame.answer() && frame.nonce().equals(probe.nonce()))
                    .isPresent();
            if (answered) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        NativeThreads.call(() -> {
            socket.close();
            return true;
        });
    }
}
