package io.peerpods.relay;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Dials an address that does not accept connections yet. A refused attempt is repeated after 25 ms. An unanswered one stays open, and a
 * new one starts beside it every 100 ms, four at most: a listener that comes up is met by the next SYN, not by the kernel's
 * repetition of an old one, seconds later. When four are open the youngest but one of the old ones makes room; the very oldest
 * has three seconds, so that a slow way gets its chance too. The first to connect wins, the others are closed. One use.
 */
final class Dialler {

    static final Duration AFTER_REFUSAL = Duration.ofMillis(25);
    static final Duration BETWEEN_ATTEMPTS = Duration.ofMillis(100);
    static final int AT_ONCE = 4;
    private static final Duration OLDEST = Duration.ofSeconds(3);

    private final InetSocketAddress address;
    private final BlockingQueue<Outcome> outcomes = new LinkedBlockingQueue<>();
    private final Deque<Attempt> open = new ArrayDeque<>();
    private volatile boolean cancelled;
    private int attempts;
    private @Nullable IOException last;

    Dialler(InetSocketAddress address) {
        this.address = address;
    }

    /**
     * Dials until someone answers.
     *
     * @throws IOException at the deadline, with the last attempt's failure, or when cancelled
     */
    SocketChannel dial(Duration deadline) throws IOException, InterruptedException {
        long start = System.nanoTime();
        long end = start + deadline.toNanos();
        long nextAttempt = start;
        try {
            while (!cancelled) {
                long now = System.nanoTime();
                if (now - end >= 0) {
                    throw failure(deadline);
                }
                if (now - nextAttempt >= 0) {
                    makeVpc(now);
                    open.add(Attempt.start(address, outcomes));
                    attempts++;
                    nextAttempt = now + BETWEEN_ATTEMPTS.toNanos();
                }
                Outcome outcome = outcomes.poll(Math.min(nextAttempt, end) - now, TimeUnit.NANOSECONDS);
                Attempt attempt = outcome == null ? null : outcome.attempt();
                if (outcome == null || attempt == null || !open.remove(attempt)) {
                    continue; // time for the next attempt, or news of one that had to make room
                }
                if (outcome.failure() == null) {
                    return attempt.socket;
                }
                last = outcome.failure();
                nextAttempt = System.nanoTime() + AFTER_REFUSAL.toNanos();
            }
            throw new IOException("dialling " + address + " was given up");
        } finally {
            open.forEach(Attempt::close);
        }
    }

    /** Ends {@link #dial} at once; for other threads. */
    void cancel() {
        cancelled = true;
        outcomes.add(Outcome.NONE);
    }

    private void makeVpc(long now) {
        if (open.size() < AT_ONCE) {
            return;
        }
        Attempt oldest = open.removeFirst();
        if (now - oldest.started < OLDEST.toNanos()) {
            Attempt second = open.removeFirst();
            open.addFirst(oldest);
            second.close();
        } else {
            oldest.close();
        }
    }

    private IOException failure(Duration deadline) {
        String why = last == null ? "no attempt was answered" : Sockets.reason(last);
        return new IOException(
                "no answer from " + text(address) + " within " + deadline.toMillis() + " ms (" + attempts
                        + " attempts): " + why,
                last);
    }

    static String text(InetSocketAddress address) {
        String host = address.getAddress() == null
                ? address.getHostString()
                : address.getAddress().getHostAddress();
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    private record Outcome(
            @Nullable Attempt attempt, @Nullable IOException failure) {
        static final Outcome NONE = new Outcome(null, null);
    }

    /** One connect(2) on a thread of its own; closing the socket ends it. */
    private static final class Attempt {
        final SocketChannel socket;
        final long started = System.nanoTime();

        private Attempt(SocketChannel socket) {
            this.socket = socket;
        }

        static Attempt start(InetSocketAddress address, BlockingQueue<Outcome> outcomes) throws IOException {
            Attempt attempt = new Attempt(SocketChannel.open());
            Thread.ofVirtual().name("dial").start(() -> {
                try {
                    boolean _ = attempt.socket.connect(address);
                    outcomes.add(new Outcome(attempt, null));
                } catch (IOException e) {
                    attempt.close();
                    outcomes.add(new Outcome(attempt, e));
                } catch (RuntimeException | Error e) {
                    attempt.close();
                    outcomes.add(new Outcome(attempt, new IOException(e.toString(), e)));
                }
            });
            return attempt;
        }

        void close() {
            Sockets.closeQuietly(socket);
        }
    }
}
