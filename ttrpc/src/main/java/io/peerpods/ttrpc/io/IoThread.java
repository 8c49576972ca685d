package io.peerpods.ttrpc.io;

import static java.util.Objects.requireNonNull;

import io.peerpods.ttrpc.frame.FrameDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that moves the bytes of any number of ttRPC connections, servers and channels alike. A server and a channel
 * on one thread hand messages to each other without waking another, so a relay puts both its sides on the same.
 *
 * <p>Nothing on this thread may block. Thread-safe; the owner closes it, after the servers and channels on it.
 */
public final class IoThread implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IoThread.class);

    /** How often time limits are looked at, while there is a connection that has one running. */
    private static final long SWEEP_NANOS = 250_000_000;

    /** After a failure of the selector itself, so that a lasting one does not take a processor. */
    private static final Duration SELECTOR_PAUSE = Duration.ofMillis(100);

    private static final int READ_BUFFER = 256 << 10;
    /** Bodies that may be allocated before their bytes came, over all connections. */
    private static final int BODY_ALLOWANCE = 16 << 20;

    /** Room for several TLS records of 16 KiB and their overhead. */
    private static final int TLS_BUFFER = 128 << 10;

    private static final int SPARE_BUFFERS = 4;

    /** Of a frame that is handed on while it comes. */
    static final int CHUNK = 128 << 10;

    /** Of each kind: two connections with as much waiting as may. */
    private static final int SPARE_CHUNKS = 16;

    /** Something that the selector calls. */
    public interface Ready {
        void ready(SelectionKey key);
    }

    /** Something with a time limit running. */
    interface Watched {
        /** Whether there still is something to watch. */
        boolean checkTime(long now);
    }

    private final Selector selector;
    private final Thread thread;
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean woken = new AtomicBoolean();
    private final ScheduledThreadPoolExecutor timer;
    private final Queue<ByteBuffer> spare = new ConcurrentLinkedQueue<>();
    private final Queue<ByteBuffer> spareHeap = new ConcurrentLinkedQueue<>();
    private final BlockingQueue<ByteBuffer> directChunks = new ArrayBlockingQueue<>(SPARE_CHUNKS);
    private final BlockingQueue<ByteBuffer> heapChunks = new ArrayBlockingQueue<>(SPARE_CHUNKS);

    // Confined to the thread.
    private final ByteBuffer readBuffer = ByteBuffer.allocateDirect(READ_BUFFER);
    private final ByteBuffer plainBuffer = ByteBuffer.allocate(32 << 10);
    private final FrameDecoder.Allowance allowance = new FrameDecoder.Allowance(BODY_ALLOWANCE);
    private final ArrayDeque<Connection> dirty = new ArrayDeque<>();
    private final Set<Watched> watched = new HashSet<>();
    private long lastSweep = System.nanoTime();

    private volatile boolean closing;

    private IoThread(String name) throws IOException {
        selector = Selector.open();
        // What is timed after the end is of a connection that has ended: its calls are told so by that.
        timer = new ScheduledThreadPoolExecutor(
                1,
                Thread.ofPlatform().daemon().name(name + "-timer").factory(),
                new ThreadPoolExecutor.DiscardPolicy());
        timer.setRemoveOnCancelPolicy(true);
        thread = Thread.ofPlatform().daemon().name(name).unstarted(this::run);
    }

    /** Starts a daemon thread of that name. */
    public static IoThread start(String name) throws IOException {
        IoThread io = new IoThread(requireNonNull(name, "name"));
        io.thread.start();
        return io;
    }

    /** Closes what is still open on it and ends the thread. A second call has no effect. */
    @Override
    public void close() {
        closing = true;
        selector.wakeup();
        timer.shutdownNow();
        if (inside()) {
            return;
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether the caller runs on this thread. */
    public boolean inside() {
        return Thread.currentThread().equals(thread);
    }

    public Selector selector() {
        return selector;
    }

    public ScheduledThreadPoolExecutor timer() {
        return timer;
    }

    /** Runs a short task when that time has passed, on a thread that only does this. What it fails with is logged. */
    public Future<?> after(long nanos, Runnable task) {
        return timer.schedule(() -> guarded(task), nanos, TimeUnit.NANOSECONDS);
    }

    FrameDecoder.Allowance allowance() {
        return allowance;
    }

    /** The thread's own buffer: each user empties it before the next one takes it. */
    ByteBuffer readBuffer() {
        return readBuffer.clear();
    }

    /** For one decrypted record, on the same terms as {@link #readBuffer()}. */
    ByteBuffer plainBuffer() {
        return plainBuffer.clear();
    }

    /** A direct buffer for bytes on their way out; {@link #giveBack} it. */
    ByteBuffer borrow() {
        ByteBuffer buffer = spare.poll();
        return buffer == null ? ByteBuffer.allocateDirect(READ_BUFFER) : buffer.clear();
    }

    void giveBack(ByteBuffer buffer) {
        if (spare.size() < SPARE_BUFFERS) {
            spare.add(buffer);
        }
    }

    /** An array-backed buffer for encrypted bytes, which ciphers handle faster than direct ones; {@link #giveBackHeap} it. */
    ByteBuffer borrowHeap() {
        ByteBuffer buffer = spareHeap.poll();
        return buffer == null ? ByteBuffer.allocate(TLS_BUFFER) : buffer.clear();
    }

    void giveBackHeap(ByteBuffer buffer) {
        if (spareHeap.size() < SPARE_BUFFERS) {
            spareHeap.add(buffer);
        }
    }

    /** A chunk that a socket reads from; {@link #giveBackChunk} it. */
    ByteBuffer directChunk() {
        ByteBuffer chunk = directChunks.poll();
        return chunk == null ? ByteBuffer.allocateDirect(CHUNK) : chunk.clear();
    }

    /** A chunk that a cipher reads from; {@link #giveBackChunk} it. */
    ByteBuffer heapChunk() {
        ByteBuffer chunk = heapChunks.poll();
        return chunk == null ? ByteBuffer.allocate(CHUNK) : chunk.clear();
    }

    void giveBackChunk(ByteBuffer chunk) {
        boolean _ = (chunk.isDirect() ? directChunks : heapChunks).offer(chunk);
    }

    /** Runs a task on the thread; tasks given after {@link #close()} are dropped. */
    public void execute(Runnable task) {
        tasks.add(task);
        if (!inside() && woken.compareAndSet(false, true)) {
            selector.wakeup();
        }
    }

    /** Flushes the connection when the event at hand is done with: frames written meanwhile leave in one write. */
    void flushLater(Connection connection) {
        dirty.add(connection);
    }

    /** From now on the time of {@code one} is looked at, until it says that it is done. */
    void watch(Watched one) {
        watched.add(one);
    }

    private void run() {
        while (!closing) {
            try {
                turn();
            } catch (IOException | RuntimeException | Error e) {
                LOG.error("the I/O thread goes on after a failure of its selector", e);
                LockSupport.parkNanos(SELECTOR_PAUSE.toNanos());
            }
        }
        closeAll();
    }

    private static void guarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            goOn(e);
        }
    }

    /** One connection's failure is not the others': what waits behind it would wait until the next packet. */
    private static void goOn(Throwable failure) {
        try {
            LOG.error("the I/O thread goes on after a failure", failure);
        } catch (RuntimeException | Error noLog) {
            // Without memory or a free descriptor even the log fails.
            failure.addSuppressed(noLog);
        }
    }

    private void turn() throws IOException {
        if (watched.isEmpty()) {
            selector.select(this::dispatch);
        } else {
            selector.select(this::dispatch, SWEEP_NANOS / 1_000_000);
        }
        woken.set(false);
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            guarded(task);
            flush();
        }
        long now = System.nanoTime();
        if (!watched.isEmpty() && now - lastSweep >= SWEEP_NANOS) {
            lastSweep = now;
            sweep(now);
        }
    }

    private void dispatch(SelectionKey key) {
        if (!(key.attachment() instanceof Ready ready)) {
            return;
        }
        try {
            ready.ready(key);
        } catch (CancelledKeyException e) {
            LOG.trace("closed by another thread", e);
        } catch (RuntimeException | Error e) {
            goOn(e);
        }
        flush();
    }

    private void flush() {
        for (Connection connection = dirty.poll(); connection != null; connection = dirty.poll()) {
            try {
                connection.flushNow();
            } catch (RuntimeException | Error e) {
                goOn(e);
            }
        }
    }

    private void sweep(long now) {
        // A copy: a check may close connections, and their handlers may do anything.
        for (Watched one : Set.copyOf(watched)) {
            try {
                if (!one.checkTime(now)) {
                    watched.remove(one);
                }
            } catch (RuntimeException | Error e) {
                goOn(e);
            }
        }
        flush();
    }

    private void closeAll() {
        for (SelectionKey key : Set.copyOf(selector.keys())) {
            if (key.attachment() instanceof Connection connection) {
                connection.close(new IOException("the I/O thread was closed"));
            } else {
                closeQuietly(key.channel());
            }
        }
        closeQuietly(selector);
    }

    public static void closeQuietly(AutoCloseable one) {
        try {
            one.close();
        } catch (Exception e) {
            LOG.debug("closing {}", one, e);
        }
    }
}
