package io.peerpods.relay;

import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Accepts until the listener is closed: descriptors that ran out, and failures in what becomes of a connection, do not end it. */
final class AcceptLoop implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(AcceptLoop.class);

    private static final long FIRST_PAUSE_MILLIS = 10;
    private static final long LONGEST_PAUSE_MILLIS = 1_000;

    private final String name;
    private final ServerSocketChannel listener;
    private final Consumer<SocketChannel> admission;
    private final Rarely complaints = new Rarely(Duration.ofSeconds(10));
    private long pause = FIRST_PAUSE_MILLIS;

    AcceptLoop(String name, ServerSocketChannel listener, Consumer<SocketChannel> admission) {
        this.name = name;
        this.listener = listener;
        this.admission = admission;
    }

    @Override
    public void run() {
        while (listener.isOpen()) {
            SocketChannel socket = null;
            try {
                socket = listener.accept();
                admission.accept(socket);
                pause = FIRST_PAUSE_MILLIS;
            } catch (IOException | RuntimeException | Error e) {
                if (socket != null) {
                    Sockets.closeQuietly(socket);
                }
                if (listener.isOpen()) {
                    complain(e);
                    backOff();
                }
            }
        }
    }

    private void complain(Throwable failure) {
        try {
            complaints.run(left -> LOG.error("{}: a connection could not be accepted{}", name, left, failure));
        } catch (RuntimeException | Error noLog) {
            // Without a free descriptor even a class may not be found. Accepting goes on.
            failure.addSuppressed(noLog);
        }
    }

    private void backOff() {
        try {
            Thread.sleep(pause);
        } catch (InterruptedException e) {
            LOG.debug("{}: an interrupt does not end it", name); // closing the listener does
        }
        pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
    }
}
