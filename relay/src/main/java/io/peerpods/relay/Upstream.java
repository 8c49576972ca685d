package io.peerpods.relay;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.io.FrameConnection;
import io.peerpods.ttrpc.io.FrameListener;
import io.peerpods.ttrpc.io.IoThread;
import io.peerpods.ttrpc.io.Limits;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;

/**
 * A connection towards the agent. It numbers the calls itself, in rising odd numbers, and hands what comes back to the call's
 * {@link Sink}, on its I/O thread. Any thread may send. Closing it is what cancels its calls: ttRPC has no other way.
 */
final class Upstream implements FrameListener, Closeable {

    /** A call may wait for days, and an agent may be stopped for as long: no limit but that of the handshake. */
    static final Limits LIMITS = Limits.local().withFrame(Duration.ZERO).withStall(Duration.ZERO);

    private static final int MAX_REASON = 4096;

    /** Where the answers of one call go. Called on the I/O thread, {@link #broken} on any. */
    interface Sink {

        /** The call's number here; before anything of it is sent. */
        default void sentAs(int number) {}

        /**
         * An answer begins; after one with {@code last} set nothing more comes.
         *
         * @return true to get its data by {@link #piece}, false to get it {@link #whole}
         */
        default boolean begin(int type, int flags, int length, boolean last) {
            return false;
        }

        default void piece(ByteBuffer data) {
            throw new IllegalStateException("the answer is wanted whole");
        }

        void whole(byte[] body);

        /** The answer was longer than the protocol allows, and is thrown away; nothing more comes. */
        void oversized(long length);

        /**
         * The connection broke before the call was over; nothing more comes.
         *
         * @param begun of an answer the beginning was handed on
         */
        void broken(Status why, boolean begun);
    }

    /** The connection had broken before anything of the call was written: it may be sent on another one. */
    static final class NotSentException extends Exception {
        private static final long serialVersionUID = 1;

        NotSentException() {
            super("the connection is gone", null, false, false);
        }
    }

    private final FrameConnection connection;
    private final String peer;
    private final Map<Integer, Sink> sinks = new ConcurrentHashMap<>();
    private final CompletableFuture<Void> established = new CompletableFuture<>();
    /** The next call's; in the order of the wire. */
    private int next = 1;

    /** Whose answer has begun. */
    private volatile @Nullable Sink current;

    private int toCome;
    private volatile Runnable whenWritable = () -> {};
    private volatile @Nullable Status over;
    private volatile @Nullable Status gone;
    private volatile @Nullable Status lost;
    private volatile boolean closed;

    private Upstream(
            IoThread io,
            SocketChannel socket,
            SocketAddress address,
            @Nullable SSLEngine tls,
            Limits limits,
            String peer) {
        this.peer = peer;
        this.connection = FrameConnection.of(io, socket, address, limits, tls, this);
    }

    /**
     * Takes a connected socket over, whatever comes of it.
     *
     * @param tls null for a plain connection
     * @param limit how long the TLS handshake may take altogether
     * @param peer what is at the other end, for messages
     */
    static Upstream open(
            IoThread io,
            SocketChannel socket,
            SocketAddress address,
            @Nullable SSLEngine tls,
            Duration limit,
            String peer)
            throws IOException {
        Upstream upstream = new Upstream(io, socket, address, tls, LIMITS.withHandshake(limit), peer);
        upstream.connection.start();
        try {
            // The handshake has its own limit; this one is for an I/O thread that ended before it began.
            var _ = upstream.established.get(limit.toMillis() + 1000, TimeUnit.MILLISECONDS);
            return upstream;
        } catch (TimeoutException e) {
            upstream.close();
            throw new IOException("no connection with " + peer + " within " + limit.toMillis() + " ms", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException why ? why : new IOException(e.getCause());
        } catch (InterruptedException e) {
            upstream.close();
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while connecting with " + peer);
        }
    }

    boolean isOpen() {
        return over == null && !closed;
    }

    /** The connection ended, and not by {@link #close}. */
    boolean broke() {
        return over != null && !closed;
    }

    /** What the other side said of the agent's death; null when it said nothing of the kind. */
    @Nullable
    Status gone() {
        return gone;
    }

    /** Why the other side is taken for dead ({@link #lose}); null when it is not. */
    @Nullable
    Status lost() {
        return lost;
    }

    /** Takes the other side for dead: the connection ends, its calls fail, and another connection is of no use. For any thread. */
    void lose(String why) {
        lost = Status.UNAVAILABLE.withDescription(peer + " is lost: " + why);
        connection.close(new IOException(why));
    }

    boolean isWritable() {
        return connection.isWritable();
    }

    /** What to do, as a task of the I/O thread, when this can take more again or is gone. */
    void whenWritable(Runnable listener) {
        whenWritable = listener;
    }

    /** Reads no answers until {@link #resume}. Both on the I/O thread. */
    void pause() {
        connection.pause();
    }

    void resume() {
        connection.resume();
    }

    /**
     * Sends a request frame, which gets its number here.
     *
     * @throws NotSentException when nothing was sent; after any later failure the sink hears of it
     * @throws StatusException when too much waits for the agent already
     */
    void send(byte[] frame, Sink sink) throws NotSentException, StatusException {
        boolean sent = connection.send(frame, queued -> {
            int number = next;
            next += 2;
            Frame.setStreamId(queued, number);
            sink.sentAs(number);
            sinks.put(number, sink);
        });
        if (sent) {
            return;
        }
        if (!connection.isOpen()) {
            throw new NotSentException();
        }
        throw Status.RESOURCE_EXHAUSTED
                .withDescription(peer + " does not take what is sent: " + LIMITS.queuedBytes() + " bytes wait")
                .asException();
    }

    /**
     * Sends a data frame of a call that is on its way; of one that is over, nothing.
     *
     * @return false when too much waits for the agent already: the stream has a hole then, and is to end
     */
    boolean sendData(int number, int flags, byte[] data) {
        return !sinks.containsKey(number)
                || connection.send(Frame.of(number, Frame.DATA, flags, data))
                || !connection.isOpen(); // then its caller hears of that
    }

    /** Forgets a call whose caller waits no longer; what still comes of it is dropped. */
    void forget(int number) {
        sinks.remove(number);
    }

    @Override
    public void close() {
        closed = true;
        connection.close(new EOFException("it was given up"));
    }

    // --- what comes

    @Override
    public void established() {
        established.complete(null);
    }

    @Override
    public boolean begin(int number, int type, int flags, int length) {
        boolean response = type == Frame.RESPONSE;
        boolean last = response || (type == Frame.DATA && (flags & Frame.REMOTE_CLOSED) != 0);
        Sink sink = last ? sinks.remove(number) : type == Frame.DATA ? sinks.get(number) : null;
        toCome = length;
        current = sink;
        if (sink == null) {
            return !isFarewell(number, type) || length > MAX_REASON; // a frame without a waiter is read and dropped
        }
        boolean inPieces = sink.begin(type, flags, length, last);
        if (inPieces && length == 0) {
            current = null;
        }
        Status why = over;
        if (why != null && current != null) {
            sink.broken(why, true); // closed() may have come too early to see it
        }
        return inPieces;
    }

    @Override
    public void piece(ByteBuffer data) {
        Sink sink = current;
        toCome -= data.remaining();
        if (toCome == 0) {
            current = null;
        }
        if (sink == null) {
            data.position(data.limit());
        } else {
            sink.piece(data);
        }
    }

    @Override
    public void frame(int number, int type, int flags, byte[] body) {
        Sink sink = current;
        current = null;
        if (isFarewell(number, type)) {
            gone = Status.UNAVAILABLE.withDescription(peer + ": " + new String(body, StandardCharsets.UTF_8));
            connection.close(new EOFException("the agent is gone"));
            return;
        }
        if (sink != null) {
            sink.whole(body);
        }
    }

    private static boolean isFarewell(int number, int type) {
        return number == 0 && type == Frame.AGENT_GONE;
    }

    @Override
    public void oversized(int number, long length) {
        Sink sink = sinks.remove(number);
        if (sink != null) {
            sink.oversized(length);
        }
    }

    @Override
    public void writable() {
        whenWritable.run();
    }

    @Override
    public boolean serves() {
        return false;
    }

    @Override
    public void closed(IOException cause) {
        Status said = gone == null ? lost : gone;
        Status why = closed
                ? Status.CANCELLED.withDescription("the connection to " + peer + " was given up")
                : said != null
                        ? said
                        : Status.UNAVAILABLE.withDescription(
                                "the connection to " + peer + " broke: " + Sockets.reason(cause));
        over = why;
        established.completeExceptionally(cause);
        Sink begun = current;
        if (begun != null) {
            begun.broken(why, true);
        }
        for (Integer number : List.copyOf(sinks.keySet())) {
            Sink sink = sinks.remove(number);
            if (sink != null) {
                sink.broken(why, false);
            }
        }
        connection.io().execute(whenWritable);
    }
}
