package io.peerpods.relay;

import io.peerpods.ttrpc.io.IoThread;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads that move the bytes of all relays of a process. All connections of one relay are on the same one, so that a frame
 * goes over without a hand-over. Thread-safe; the owner closes them, after the relays.
 */
public final class RelayThreads implements AutoCloseable {

    private static final int LEAST = 2;
    private static final int MOST = 8;

    private final List<IoThread> threads;
    private final AtomicInteger next = new AtomicInteger();
    private final PathWatch watch = new PathWatch();

    private RelayThreads(List<IoThread> threads) {
        this.threads = threads;
    }

    /** For a worker with any number of relays: a thread for every two processors. */
    public static RelayThreads start() throws IOException {
        return start(Math.clamp(Runtime.getRuntime().availableProcessors() / 2, LEAST, MOST));
    }

    static RelayThreads start(int count) throws IOException {
        List<IoThread> threads = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                threads.add(IoThread.start("relay-" + i));
            }
        } catch (IOException e) {
            threads.forEach(IoThread::close);
            throw e;
        }
        return new RelayThreads(List.copyOf(threads));
    }

    /** The thread for one more relay. */
    IoThread next() {
        return threads.get(Math.floorMod(next.getAndIncrement(), threads.size()));
    }

    /** What watches the connections to the VMs of these relays. */
    PathWatch watch() {
        return watch;
    }

    /** Closes what is still open on them and ends them. A second call does nothing. */
    @Override
    public void close() {
        watch.close();
        threads.forEach(IoThread::close);
    }
}
