package io.peerpods.ttrpc.io;

import io.peerpods.ttrpc.frame.FrameDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Frames through a TLS engine. Reading and writing go on at the same time, handshake computations run beside the I/O
 * thread, and a connection at rest holds no buffer.
 */
final class TlsSocketIo implements SocketIo {
    /** Frames that may share a record. */
    private static final int GATHER = 32;

    private final SocketChannel socket;
    private final SSLEngine engine;
    private final IoThread io;
    private final Connection connection;
    private final AtomicBoolean computing = new AtomicBoolean();
    private final ByteBuffer[] heads = new ByteBuffer[GATHER];
    private volatile boolean established;
    private volatile boolean closing;

    /** Encrypted bytes that came, ready to be read; only on the I/O thread. */
    private @Nullable ByteBuffer netIn;

    /** Encrypted bytes that the socket did not take yet; used only by the thread that writes. */
    private @Nullable ByteBuffer netOut;

    TlsSocketIo(SocketChannel socket, SSLEngine engine, IoThread io, Connection connection) {
        this.socket = socket;
        this.engine = engine;
        this.io = io;
        this.connection = connection;
    }

    /** Starts the handshake; apart from the constructor as it can fail on a bad configuration. */
    void begin() throws SSLException {
        engine.beginHandshake();
    }

    SSLSession session() {
        return engine.getSession();
    }

    @Override
    public boolean established() {
        return established;
    }

    @Override
    public Input read(FrameDecoder decoder) throws IOException {
        ByteBuffer in = netIn == null ? io.borrowHeap().flip() : netIn;
        netIn = in;
        in.compact();
        int n;
        boolean full;
        try {
            n = socket.read(in);
            full = !in.hasRemaining();
        } finally {
            in.flip();
        }
        boolean goOn = unwrap(in, decoder);
        if (!in.hasRemaining()) {
            netIn = null;
            io.giveBackHeap(in);
        }
        if (n < 0 || !goOn) {
            return Input.END;
        }
        return full ? Input.MORE : Input.DRAINED;
    }

    /** Decrypts every whole record. False when the peer said good-bye. */
    private boolean unwrap(ByteBuffer in, FrameDecoder decoder) throws IOException {
        while (!computing.get() && in.hasRemaining()) {
            ByteBuffer plain = io.plainBuffer();
            SSLEngineResult result = engine.unwrap(in, plain);
            if (plain.flip().hasRemaining()) {
                decoder.feed(plain);
            }
            switch (result.getStatus()) {
                case CLOSED -> {
                    return false;
                }
                case BUFFER_UNDERFLOW -> {
                    return true;
                }
                case BUFFER_OVERFLOW -> throw new SSLException("a TLS record is larger than records may be");
                case OK -> {}
            }
            HandshakeStatus status = noteProgress(result);
            if (status == HandshakeStatus.NEED_TASK) {
                compute();
            } else if (status == HandshakeStatus.NEED_WRAP) {
                connection.flush();
                if (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP) {
                    // The socket is full; reading goes on when it is writable.
                    return true;
                }
            } else if (result.bytesConsumed() == 0 && result.bytesProduced() == 0) {
                return true;
            }
        }
        return true;
    }

    @Override
    public boolean write(OutputQueue queue) throws IOException {
        try {
            while (true) {
                if (!drainNet()) {
                    return false;
                }
                if (!wrap(queue)) {
                    return true;
                }
            }
        } catch (SSLException e) {
            if (closing) {
                return true;
            }
            closing = true;
            sayWhy(queue);
            throw e;
        }
    }

    /** The alert that tells the peer what was wrong, as far as the socket takes it. */
    private void sayWhy(OutputQueue queue) {
        engine.closeOutbound();
        try {
            boolean _ = drainNet() && wrap(queue) && drainNet();
        } catch (IOException e) {
            // The connection ends with the first reason; this one is not reported.
        }
    }

    /** Writes the encrypted bytes; false when some are left. */
    private boolean drainNet() throws IOException {
        ByteBuffer out = netOut;
        if (out == null) {
            return true;
        }
        socket.write(out);
        if (out.hasRemaining()) {
            return false;
        }
        netOut = null;
        io.giveBackHeap(out);
        return true;
    }

    /** Encrypts what waits, up to a buffer full; false when there was nothing. */
    private boolean wrap(OutputQueue queue) throws SSLException {
        if (!hasOutput(queue)) {
            return false;
        }
        ByteBuffer out = io.borrowHeap();
        int room = engine.getSession().getPacketBufferSize();
        try {
            while (out.remaining() >= room && hasOutput(queue)) {
                int n = established ? queue.heads(heads) : 0;
                SSLEngineResult result = engine.wrap(heads, 0, n, out);
                queue.consumed(result.bytesConsumed());
                noteProgress(result);
                if (result.getStatus() == SSLEngineResult.Status.CLOSED
                        || (result.bytesProduced() == 0 && result.bytesConsumed() == 0)) {
                    break;
                }
            }
        } finally {
            Arrays.fill(heads, null);
            if (out.position() > 0) {
                netOut = out.flip();
            } else {
                io.giveBackHeap(out);
            }
        }
        return netOut != null;
    }

    private boolean hasOutput(OutputQueue queue) {
        return switch (engine.getHandshakeStatus()) {
            case NEED_WRAP -> true;
            case NEED_TASK -> {
                compute();
                yield established && queue.hasOutput();
            }
            default -> established && !closing && queue.hasOutput();
        };
    }

    private HandshakeStatus noteProgress(SSLEngineResult result) {
        HandshakeStatus status = result.getHandshakeStatus();
        if (!established
                && (status == HandshakeStatus.FINISHED
                        || (status == HandshakeStatus.NOT_HANDSHAKING
                                && result.getStatus() == SSLEngineResult.Status.OK))) {
            established = true;
            if (io.inside()) {
                connection.becomeEstablished();
            } else {
                io.execute(connection::becomeEstablished);
            }
        }
        return status == HandshakeStatus.FINISHED ? engine.getHandshakeStatus() : status;
    }

    /** Signatures and key exchanges take milliseconds: not on the thread that serves everybody. */
    private void compute() {
        if (!computing.compareAndSet(false, true)) {
            return;
        }
        Thread.startVirtualThread(() -> {
            try {
                for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                    task.run();
                }
            } catch (RuntimeException | Error e) {
                // Nothing else would end a handshake whose computation failed, but its time limit.
                connection.close(new IOException("the TLS handshake failed: " + e, e));
                return;
            }
            computing.set(false);
            io.execute(() -> {
                connection.flush();
                connection.read();
            });
        });
    }

    @Override
    public void shutdown() {
        closing = true;
        engine.closeOutbound();
        connection.flush();
    }
}
