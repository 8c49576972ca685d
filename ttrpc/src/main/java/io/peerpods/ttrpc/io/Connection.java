package io.peerpods.ttrpc.io;

import io.peerpods.ttrpc.frame.FrameDecoder;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSession;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One socket with frames in both directions. Frames are received on the I/O thread; any thread sends, and whoever finds
 * the socket free sends everything that waits, so the answers of many calls leave in one write.
 */
public final class Connection implements IoThread.Ready, IoThread.Watched, FrameDecoder.Sink {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    /** Above this much waiting output a call is not ready for more, and a server reads no more requests. */
    private static final int HIGH_WATER = 1 << 20;

    private static final int LOW_WATER = HIGH_WATER / 4;
    private static final int KEEPALIVE_IDLE_SECONDS = 60;
    private static final int KEEPALIVE_INTERVAL_SECONDS = 10;
    private static final int KEEPALIVE_PROBES = 6;

    /** Reads in a row before other connections get their turn. */
    private static final int READS_IN_A_ROW = 4;

    private static final int READ_OUTPUT = 1;
    private static final int READ_INPUT = 2;
    private static final int READ_HELD = 4;

    private final IoThread io;
    private final SocketChannel socket;
    private final SocketAddress peer;
    private final Limits limits;
    private final FrameListener protocol;
    private final SocketIo wire;
    private final FrameDecoder decoder;
    private final OutputQueue output;
    private final AtomicInteger flushes = new AtomicInteger();
    private final AtomicLong received = new AtomicLong();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final long opened = System.nanoTime();

    /** The socket took no more: the selector says when it does again. */
    private volatile boolean blocked;

    private volatile boolean crowded;
    private volatile @Nullable IOException goodbye;
    /** Only by whoever writes. */
    private boolean saidGoodbye;

    // Confined to the I/O thread.
    private @Nullable SelectionKey key;
    private boolean flushPending;
    private boolean established;
    private boolean heard;
    private boolean watching;
    private int pauses;
    private long frameSince;
    private boolean insideFrame;
    private long stuckSince;
    private boolean stuck;
    private long stuckAt;
    private final AtomicLong written = new AtomicLong();

    /** @param tls the engine, not yet begun, or null for a plain connection */
    public Connection(
            IoThread io,
            SocketChannel socket,
            SocketAddress peer,
            Limits limits,
            @Nullable SSLEngine tls,
            ProtocolFactory protocol) {
        this.io = io;
        this.socket = socket;
        this.peer = peer;
        this.limits = limits;
        this.decoder = new FrameDecoder(this, io.allowance());
        this.output = new OutputQueue(tls == null ? io::directChunk : io::heapChunk, io::giveBackChunk);
        this.wire = tls == null ? new PlainSocketIo(socket, io) : new TlsSocketIo(socket, tls, io, this);
        this.protocol = protocol.on(this);
    }

    /** Makes the protocol of a connection. */
    public interface ProtocolFactory {
        FrameListener on(Connection connection);
    }

    public SocketAddress peer() {
        return peer;
    }

    public IoThread io() {
        return io;
    }

    public boolean isOpen() {
        return !closed.get();
    }

    /** Whether a call may send more without piling up. */
    public boolean isWritable() {
        return !crowded;
    }

    /** The TLS session; null on a plain connection. */
    public @Nullable SSLSession session() {
        return wire instanceof TlsSocketIo tls ? tls.session() : null;
    }

    /** Begins to read. On the I/O thread. */
    public void open() {
        try {
            socket.configureBlocking(false);
            if (peer instanceof InetSocketAddress) {
                socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
                keepAlive();
            }
            key = socket.register(io.selector(), SelectionKey.OP_READ, this);
            if (wire instanceof TlsSocketIo tls) {
                tls.begin();
            }
        } catch (IOException | RuntimeException e) {
            close(new IOException("could not set up the connection with " + peer, e));
            return;
        }
        if (wire.established()) {
            becomeEstablished();
        } else {
            flush();
        }
        if (closed.get()) {
            return;
        }
        watchTime();
        read();
    }

    /**
     * Streams wait for days, and middle boxes forget connections that are silent for minutes. A peer that is gone is noticed
     * after two minutes of silence; a blip of less is ridden out.
     */
    private void keepAlive() throws IOException {
        socket.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        if (socket.supportedOptions().contains(ExtendedSocketOptions.TCP_KEEPIDLE)) {
            socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEPALIVE_INTERVAL_SECONDS);
            socket.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEPALIVE_PROBES);
        }
    }

    // --- input, on the I/O thread

    @Override
    public void ready(SelectionKey ready) {
        if (ready.isValid() && ready.isWritable()) {
            interest(SelectionKey.OP_WRITE, false);
            blocked = false;
            flush();
            if (!established) {
                read();
            }
        }
        if (ready.isValid() && ready.isReadable()) {
            read();
        }
    }

    /** Reads and handles what the socket has. */
    void read() {
        if (pauses != 0 || closed.get()) {
            return;
        }
        try {
            for (int i = 0; i < READS_IN_A_ROW && pauses == 0; i++) {
                SocketIo.Input input = wire.read(decoder);
                if (closed.get()) {
                    return;
                }
                if (input == SocketIo.Input.END) {
                    // Answers to what came in one packet with the end still have a chance.
                    flush();
                    close(
                            decoder.insideFrame()
                                    ? new EOFException("the connection ended inside a frame")
                                    : new EOFException("the connection was closed by the peer"));
                    return;
                }
                if (input == SocketIo.Input.DRAINED) {
                    break;
                }
            }
            noteFrame();
        } catch (IOException e) {
            wire.shutdown();
            close(e);
        } catch (RuntimeException | Error e) {
            LOG.error("connection with {} failed", peer, e);
            close(new IOException("internal error: " + e, e));
        }
    }

    private void noteFrame() {
        boolean inside = decoder.insideFrame();
        if (inside && !insideFrame) {
            frameSince = System.nanoTime();
            insideFrame = true;
            watchTime();
        } else if (!inside) {
            insideFrame = false;
        }
    }

    @Override
    public boolean frame(int streamId, int type, int flags, byte[] body) {
        heard = true;
        insideFrame = false;
        protocol.frame(streamId, type, flags, body);
        return !closed.get();
    }

    @Override
    public boolean begin(int streamId, int type, int flags, int length) {
        heard = true;
        return protocol.begin(streamId, type, flags, length);
    }

    @Override
    public boolean piece(ByteBuffer data) {
        protocol.piece(data);
        return !closed.get();
    }

    @Override
    public boolean oversized(int streamId, long length) {
        heard = true;
        insideFrame = false;
        protocol.oversized(streamId, length);
        return !closed.get();
    }

    /** The TLS handshake is over, or there is none. */
    void becomeEstablished() {
        if (established) {
            return;
        }
        established = true;
        protocol.established();
    }

    /** A message waits until its handler asks for it. */
    public void held(int bytes) {
        if (bytes > 0 && received.addAndGet(bytes) > limits.receivedBytes()) {
            pause(READ_INPUT);
        }
    }

    /** A message that was {@link #held} went to its handler. */
    public void taken(int bytes) {
        if (bytes == 0) {
            return;
        }
        long before = received.getAndAdd(-bytes);
        long half = limits.receivedBytes() / 2;
        if (before > half && before - bytes <= half) {
            io.execute(() -> resume(READ_INPUT));
        }
    }

    void hold() {
        pause(READ_HELD);
    }

    void goOn() {
        resume(READ_HELD);
    }

    private void pause(int reason) {
        if (pauses == 0) {
            interest(SelectionKey.OP_READ, false);
        }
        pauses |= reason;
    }

    private void resume(int reason) {
        if ((pauses & reason) == 0) {
            return;
        }
        if (reason == READ_INPUT && received.get() > limits.receivedBytes()) {
            return;
        }
        pauses &= ~reason;
        if (pauses == 0 && interest(SelectionKey.OP_READ, true)) {
            if (insideFrame) {
                // The time in which we did not read is not the peer's.
                frameSince = System.nanoTime();
            }
            read();
        }
    }

    // --- output, on any thread

    /**
     * Queues a frame and sees to it that it leaves.
     *
     * @return false when the connection is closed or more waits than may; then nothing was queued
     */
    public boolean send(byte[] frame) {
        return send(frame, null);
    }

    /** As {@link #send(byte[])}; {@code numbered} gives the frame its stream id, in the order of the wire. */
    public boolean send(byte[] frame, @Nullable Numbered numbered) {
        long waiting;
        synchronized (output) {
            if (closed.get() || output.bytes() + frame.length > limits.queuedBytes()) {
                return false;
            }
            if (numbered != null && !numbered.number(frame)) {
                return false;
            }
            waiting = output.add(frame);
        }
        leave(waiting);
        return true;
    }

    /** Begins a frame of which the data is to come by {@link #append}. Both on the I/O thread. */
    void begin(byte[] header, int length) {
        synchronized (output) {
            if (closed.get()) {
                return;
            }
            output.begin((long) header.length + length);
        }
        append(ByteBuffer.wrap(header));
    }

    /** Nobody is refused here: whoever hands on stops reading when this is not writable. */
    void append(ByteBuffer data) {
        long waiting;
        synchronized (output) {
            if (closed.get()) {
                data.position(data.limit());
                return;
            }
            waiting = output.append(data);
        }
        leave(waiting);
    }

    private void leave(long waiting) {
        if (waiting > HIGH_WATER && !crowded) {
            becomeCrowded();
        }
        if (io.inside()) {
            if (!flushPending) {
                flushPending = true;
                io.flushLater(this);
            }
        } else {
            flush();
        }
    }

    /** Gives a frame its stream id; false when it must not be sent. */
    public interface Numbered {
        boolean number(byte[] frame);
    }

    private void becomeCrowded() {
        synchronized (output) {
            if (output.bytes() <= HIGH_WATER) {
                return;
            }
            crowded = true;
        }
        if (protocol.serves()) {
            io.execute(() -> {
                if (crowded) {
                    pause(READ_OUTPUT);
                }
            });
        }
    }

    void flushNow() {
        flushPending = false;
        flush();
    }

    /** Writes what waits. One thread does; others leave their frames to it. */
    void flush() {
        if (flushes.getAndIncrement() != 0) {
            return;
        }
        int seen = flushes.get();
        do {
            writeOut();
            seen = flushes.addAndGet(-seen);
        } while (seen != 0);
    }

    private void writeOut() {
        if (blocked || closed.get()) {
            return;
        }
        try {
            boolean drained = wire.write(output);
            written.incrementAndGet();
            if (!drained) {
                blocked = true;
                io.execute(this::waitForSocket);
            }
            if (crowded && output.bytes() <= LOW_WATER) {
                crowded = false;
                io.execute(this::relieved);
            }
            IOException cause = goodbye;
            if (drained && cause != null) {
                partFrom(cause);
            }
        } catch (IOException e) {
            close(e);
        } catch (RuntimeException | Error e) {
            LOG.error("connection with {} failed", peer, e);
            close(new IOException("internal error: " + e, e));
        }
    }

    private void waitForSocket() {
        if (interest(SelectionKey.OP_WRITE, true)) {
            watchTime();
        }
    }

    /** Changes what the selector looks for; false when the connection is closed, which any thread may do. */
    private boolean interest(int operation, boolean wanted) {
        SelectionKey registered = key;
        if (registered == null) {
            return false;
        }
        try {
            int _ = wanted ? registered.interestOpsOr(operation) : registered.interestOpsAnd(~operation);
            return true;
        } catch (CancelledKeyException e) {
            return false;
        }
    }

    private void relieved() {
        resume(READ_OUTPUT);
        if (!closed.get()) {
            protocol.writable();
        }
    }

    // --- time, on the I/O thread

    private void watchTime() {
        if (!watching) {
            watching = true;
            io.watch(this);
        }
    }

    @Override
    public boolean checkTime(long now) {
        watching = !closed.get() && watchesSomething(now);
        return watching;
    }

    private boolean watchesSomething(long now) {
        boolean watches = false;
        if (!established) {
            watches = expires("no TLS handshake", opened, now, limits.handshake());
        } else if (!heard && !decoder.insideFrame()) {
            watches = protocol.serves() && expires("no frame", opened, now, limits.firstFrame());
        }
        if (insideFrame && pauses == 0) {
            watches |= expires("an unfinished frame", frameSince, now, limits.frame());
        }
        if (blocked) {
            long mark = written.get();
            if (!stuck || stuckAt != mark) {
                stuck = true;
                stuckAt = mark;
                stuckSince = now;
            }
            watches |= expires("a peer that takes no bytes", stuckSince, now, limits.stall());
        } else {
            stuck = false;
        }
        return watches || insideFrame || blocked;
    }

    private boolean expires(String what, long since, long now, Duration limit) {
        if (limit.isZero()) {
            return false;
        }
        if (now - since > limit.toNanos()) {
            close(new IOException(what + " for " + limit.toMillis() + " ms"));
        }
        return true;
    }

    // --- end

    /** Closes the socket at once. Only the first cause counts. */
    public void close(IOException cause) {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        synchronized (output) {
            output.clear();
        }
        // A peer that answers our good-bye by its own is not the reason.
        IOException own = goodbye;
        try {
            protocol.closed(own == null ? cause : own);
        } finally {
            IoThread.closeQuietly(socket);
            io.execute(decoder::release);
        }
    }

    /** Closes when everything that waits was written, with a TLS good-bye. */
    public void closeOrderly(IOException cause) {
        goodbye = cause;
        flush();
    }

    /** Everything is written and the connection is to go. Part of {@link #writeOut}. */
    private void partFrom(IOException cause) {
        if (saidGoodbye) {
            close(cause);
        } else {
            saidGoodbye = true;
            wire.shutdown();
            flush();
        }
    }
}
