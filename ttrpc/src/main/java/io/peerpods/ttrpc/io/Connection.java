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
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSession;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One socket with frames in both directions. Frames are received on the I/O thread; any thread sends, and the one that finds
 * the socket free sends everything that waits, so the answers of many calls leave in one write.
 */
public final class Connection implements IoThread.Ready, IoThread.Watched, FrameDecoder.Sink {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    private static final int KEEPALIVE_IDLE_SECONDS = 60;
    private static final int KEEPALIVE_INTERVAL_SECONDS = 10;
    private static final int KEEPALIVE_PROBES = 6;

    /** Reads in a row before other connections get their turn. */
    private static final int READS_IN_A_ROW = 4;

    private final IoThread io;
    private final SocketChannel socket;
    private final SocketAddress peer;
    private final FrameListener protocol;
    private final SocketIo wire;
    private final FrameDecoder decoder;
    private final ReadGate gate;
    private final FrameWriter writer;
    private final StallWatch stalls;
    private final AtomicBoolean closed = new AtomicBoolean();
    // Confined to the I/O thread.
    private @Nullable SelectionKey key;
    private boolean established;
    private boolean watching;

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
        this.decoder = new FrameDecoder(this, io.allowance());
        this.wire = tls == null ? new PlainSocketIo(socket, io) : new TlsSocketIo(socket, tls, io, this);
        this.gate = new ReadGate(this, limits.receivedBytes());
        OutputQueue queue = new OutputQueue(tls == null ? io::directChunk : io::heapChunk, io::giveBackChunk);
        this.writer = new FrameWriter(this, wire, queue, limits.queuedBytes());
        this.stalls = new StallWatch(this, limits);
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
        return !writer.isCrowded();
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
            writer.unblocked();
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
        if (!gate.isOpen() || closed.get()) {
            return;
        }
        try {
            for (int i = 0; i < READS_IN_A_ROW && gate.isOpen(); i++) {
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
            failed(e);
        }
    }

    /** A fault of this program, not of the peer. */
    void failed(Throwable e) {
        LOG.error("connection with {} failed", peer, e);
        close(new IOException("internal error: " + e, e));
    }

    private void noteFrame() {
        if (stalls.insideFrame(decoder.insideFrame())) {
            watchTime();
        }
    }

    /** The gate has opened again. */
    void readAgain() {
        stalls.readsAgain();
        read();
    }

    @Override
    public boolean frame(int streamId, int type, int flags, byte[] body) {
        stalls.frameCame();
        protocol.frame(streamId, type, flags, body);
        return !closed.get();
    }

    @Override
    public boolean begin(int streamId, int type, int flags, int length) {
        stalls.frameBegan();
        return protocol.begin(streamId, type, flags, length);
    }

    @Override
    public boolean piece(ByteBuffer data) {
        protocol.piece(data);
        return !closed.get();
    }

    @Override
    public boolean oversized(int streamId, long length) {
        stalls.frameCame();
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

    /** A message waits until its handler asks for it. On the I/O thread. */
    public void held(int bytes) {
        gate.held(bytes);
    }

    /** A message that was {@link #held} went to its handler. On any thread. */
    public void taken(int bytes) {
        gate.taken(bytes);
    }

    void hold() {
        gate.pause(ReadGate.HELD);
    }

    void goOn() {
        gate.resume(ReadGate.HELD);
    }

    // --- output, on any thread

    /**
     * Queues a frame and sees to it that it leaves.
     *
     * @return false when the connection is closed or more waits than may; then nothing was queued
     */
    public boolean send(byte[] frame) {
        return writer.send(frame, null);
    }

    /** As {@link #send(byte[])}; {@code numbered} gives the frame its stream id, in the order of the wire. */
    public boolean send(byte[] frame, Numbered numbered) {
        return writer.send(frame, numbered);
    }

    /** Gives a frame its stream id; false when it must not be sent. */
    public interface Numbered {
        boolean number(byte[] frame);
    }

    /** Begins a frame of which the data is to come by {@link #append}. Both on the I/O thread. */
    void begin(byte[] header, int length) {
        writer.begin(header, length);
    }

    /** More of the frame that was begun; is copied. */
    void append(ByteBuffer data) {
        writer.append(data);
    }

    void flush() {
        writer.flush();
    }

    void flushNow() {
        writer.flushNow();
    }

    /** Too much waits for the peer; a server stops to read requests. On any thread. */
    void crowded() {
        if (protocol.serves()) {
            io.execute(() -> {
                if (writer.isCrowded()) {
                    gate.pause(ReadGate.OUTPUT);
                }
            });
        }
    }

    /** Less than a quarter of what was too much waits. On the I/O thread. */
    void relieved() {
        gate.resume(ReadGate.OUTPUT);
        if (!closed.get()) {
            protocol.writable();
        }
    }

    /** The socket takes no more bytes for now. On the I/O thread. */
    void waitForSocket() {
        if (interest(SelectionKey.OP_WRITE, true)) {
            watchTime();
        }
    }

    /** Changes what the selector looks for; false when the connection is closed, which any thread may do. */
    boolean interest(int operation, boolean wanted) {
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

    // --- time, on the I/O thread

    private void watchTime() {
        if (!watching) {
            watching = true;
            io.watch(this);
        }
    }

    @Override
    public boolean checkTime(long now) {
        watching = !closed.get()
                && stalls.check(now, established, protocol.serves(), gate.isOpen(), decoder.insideFrame(), writer);
        return watching;
    }

    // --- end

    /** Closes the socket at once. Only the first cause counts. */
    public void close(IOException cause) {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        writer.clear();
        // A peer that answers our good-bye by its own is not the reason.
        IOException own = writer.goodbye();
        try {
            protocol.closed(own == null ? cause : own);
        } finally {
            IoThread.closeQuietly(socket);
            io.execute(decoder::release);
        }
    }

    /** Closes when everything that waits was written, with a TLS good-bye. */
    public void closeOrderly(IOException cause) {
        writer.finish(cause);
    }
}
