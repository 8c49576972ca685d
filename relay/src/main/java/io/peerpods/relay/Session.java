package io.peerpods.relay;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.io.FrameConnection;
import io.peerpods.ttrpc.io.FrameListener;
import io.peerpods.ttrpc.io.IoThread;
import io.peerpods.ttrpc.io.Limits;
import java.io.Closeable;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One caller's connection and the connection towards the agent that belongs to it, both on one I/O thread: frames go over as they
 * are, under the number that the other side knows the call by. The caller's hang-up closes the agent's connection, which cancels
 * its calls there; when the agent's connection breaks, the calls on their way fail and later ones get a new connection. The caller is
 * hung up on when the agent is gone for good, and when it broke in the middle of an answer of which the caller has the beginning. There are no time-outs
 * here: a call may wait for days, a caller may never call. A slow reader applies back-pressure to its own peer only.
 */
final class Session implements FrameListener, Closeable {

    private static final Logger LOG = LoggerFactory.getLogger(Session.class);

    private static final int MAX_CALLS = 16_384;
    private static final int SENDING_TRIES = 3;

    /** From how long a wait for the connection on the caller's timeout is corrected. */
    private static final long NOTICEABLE_NANOS = 1_000_000;

    /** From how long an edit on the caller's timeout is corrected; a shorter one leaves the rest of the call as it is. */
    private static final long LONG_EDIT_NANOS = Duration.ofSeconds(1).toNanos();

    /** How long after its deadline an unanswered call is forgotten. */
    private static final long LATE_NANOS = Duration.ofMinutes(1).toNanos();

    private static final Duration UNLIMITED = Duration.ofDays(365);

    /** Who wants to know what becomes of a session. Called on any thread. */
    interface Observer {
        /** The caller has passed the TLS handshake, if there is one. */
        default void established() {}

        /** Once. */
        void over(Session session, IOException cause);
    }

    private final FrameConnection caller;
    private final Upstreams upstreams;
    private final AgentEdits edits;
    private final @Nullable Status refusal;
    private final Observer observer;
    private final Map<Integer, Call> calls = new ConcurrentHashMap<>();
    private volatile @Nullable Upstream upstream;
    private volatile boolean closed;

    // Confined to the I/O thread.
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private boolean connecting;

    /** @param refusal what every call is answered with, without asking the agent; null to relay */
    Session(
            IoThread io,
            Peer peer,
            Limits limits,
            Upstreams upstreams,
            AgentEdits edits,
            @Nullable Status refusal,
            Observer observer) {
        this.upstreams = upstreams;
        this.edits = edits;
        this.refusal = refusal;
        this.observer = observer;
        this.caller = FrameConnection.of(io, peer.socket(), peer.address(), limits, peer.tls(), this);
    }

    /**
     * The caller.
     *
     * @param tls null for a plain connection
     */
    record Peer(
            SocketChannel socket,
            SocketAddress address,
            @Nullable SSLEngine tls) {}

    /** Relays until the caller hangs up or {@link #close} is called. */
    void start() {
        caller.start();
    }

    /** Hangs up on both sides. */
    @Override
    public void close() {
        caller.close(new IOException("the relay was closed"));
    }

    // --- the caller's side, on the I/O thread

    @Override
    public void established() {
        observer.established();
    }

    @Override
    public boolean serves() {
        return true;
    }

    @Override
    public void frame(int number, int type, int flags, byte[] body) {
        switch (type) {
            case Frame.REQUEST -> request(number, flags, body);
            case Frame.DATA -> data(number, flags, body);
            default -> {} // to be ignored: later versions of the protocol may have more types
        }
    }

    @Override
    public void oversized(int number, long length) {
        answer(Frame.failure(number, Status.RESOURCE_EXHAUSTED.withDescription(Frame.tooLong(length))));
    }

    @Override
    public void writable() {
        Upstream current = upstream;
        if (current != null) {
            current.resume();
        }
    }

    @Override
    public void closed(IOException cause) {
        closed = true;
        Upstream current = upstream;
        if (current != null) {
            current.close();
        }
        calls.clear();
        LOG.debug("a caller hung up: {}", Sockets.reason(cause));
        observer.over(this, cause);
    }

    private void request(int number, int flags, byte[] body) {
        Status wrong = objection(number);
        if (wrong != null) {
            answer(Frame.failure(number, wrong));
            return;
        }
        RequestView view = RequestView.of(body);
        Call call = new Call(number, view.timeoutNanos());
        calls.put(number, call);
        if (edits.concern(view.service(), view.method())) {
            // An edit may wait for a device or a route; the other calls of this caller do not wait with it.
            caller.held(body.length);
            Thread.ofVirtual().name("agent-edit").start(() -> edit(call, view, flags, body));
        } else {
            forward(new Waiting(call, Frame.of(number, Frame.REQUEST, flags, body), false, System.nanoTime()));
        }
    }

    private @Nullable Status objection(int number) {
        if ((number & 1) == 0) {
            return Status.INVALID_ARGUMENT.withDescription("StreamID must be odd for client initiated streams");
        }
        if (calls.containsKey(number)) {
            return Status.INVALID_ARGUMENT.withDescription("StreamID cannot be re-used and must increment");
        }
        if (calls.size() >= MAX_CALLS) {
            forgetLateCalls();
            if (calls.size() >= MAX_CALLS) {
                return Status.RESOURCE_EXHAUSTED.withDescription(
                        "more than " + MAX_CALLS + " calls wait for the agent on one connection");
            }
        }
        return refusal;
    }

    private void data(int number, int flags, byte[] body) {
        Call call = calls.get(number);
        if (call != null) {
            forward(new Waiting(call, Frame.of(number, Frame.DATA, flags, body), true, System.nanoTime()));
        }
    }

    /** On a thread of its own. */
    private void edit(Call call, RequestView view, int flags, byte[] body) {
        try {
            ByteString payload = RequestView.payload(body);
            Optional<ByteString> own = edits.answer(view.service(), view.method(), payload);
            if (own.isPresent()) {
                call.succeed(own.get());
                return;
            }
            ByteString edited = edits.edit(view.service(), view.method(), payload);
            byte[] sent = edited.equals(payload) ? body : RequestView.withPayload(body, edited);
            if (sent.length > Frame.MAX_DATA) {
                throw Status.RESOURCE_EXHAUSTED
                        .withDescription(view.method() + ": " + Frame.tooLong(sent.length))
                        .asException();
            }
            byte[] frame = Frame.of(call.number, Frame.REQUEST, flags, sent);
            // The caller may have given up: the agent must not act on a call whose answer has no receiver.
            long now = System.nanoTime();
            long since = now - call.begun > LONG_EDIT_NANOS ? call.begun : now;
            caller.io().execute(() -> forward(new Waiting(call, frame, false, since)));
        } catch (StatusException refused) {
            call.fail(refused.getStatus());
        } catch (IOException e) {
            call.fail(Status.INVALID_ARGUMENT.withDescription(view.method() + " cannot be read: " + Sockets.reason(e)));
        } catch (RuntimeException | Error e) {
            LOG.error("{} could not be edited", view.method(), e);
            call.fail(Status.INTERNAL.withDescription(view.method() + ": " + Sockets.reason(e)));
        } finally {
            caller.taken(body.length);
        }
    }

    // --- to the agent, on the I/O thread

    private void forward(Waiting frame) {
        Upstream target = upstream;
        if (waiting.isEmpty() && !connecting && target != null && target.isOpen()) {
            transmit(frame, target);
        } else if (!closed) {
            await(frame);
            connect();
        }
    }

    private void await(Waiting frame) {
        waiting.add(frame);
        caller.held(frame.frame.length);
    }

    private void transmit(Waiting frame, Upstream target) {
        Call call = frame.call;
        if (calls.get(call.number) != call) {
            return; // it failed meanwhile
        }
        if (frame.isData) {
            if (target.equals(call.on)) {
                sendData(frame, target);
            }
            return;
        }
        try {
            call.on = target;
            target.send(frame.timely(), call);
            if (!target.isWritable()) {
                caller.pause();
            }
        } catch (StatusException e) {
            call.fail(e.getStatus());
        } catch (IOException e) {
            call.fail(Status.INVALID_ARGUMENT.withDescription("unmarshal request error: " + Sockets.reason(e)));
        } catch (Upstream.NotSentException gone) {
            LOG.debug("the agent's connection was gone before a call was sent; taking another");
            if (++call.tries == SENDING_TRIES) {
                call.fail(Status.UNAVAILABLE.withDescription("the agent's connections end as soon as they are made"));
            } else {
                await(frame);
                connect();
            }
        }
    }

    private void sendData(Waiting frame, Upstream target) {
        Call call = frame.call;
        if (!target.sendData(call.onNumber, frame.frame[Frame.HEADER - 1], frame.data())) {
            target.forget(call.onNumber);
            call.fail(Status.RESOURCE_EXHAUSTED.withDescription("the agent does not take what is streamed to it"));
        } else if (!target.isWritable()) {
            caller.pause();
        }
    }

    /** Gets the connection for the first frame that waits; nothing more is read meanwhile. */
    private void connect() {
        Waiting first = waiting.peek();
        if (connecting || first == null) {
            return;
        }
        connecting = true;
        caller.pause();
        Thread.ofVirtual().name("agent-connection").start(() -> {
            try {
                Upstream fresh = upstreams.take(first.call.timeLeft());
                caller.io().execute(() -> connected(fresh));
            } catch (StatusException e) {
                caller.io().execute(() -> refused(e.getStatus()));
                hangUpIfGone(null);
            } catch (RuntimeException | Error e) {
                LOG.error("no connection to the agent", e);
                caller.io().execute(() -> refused(Status.INTERNAL.withDescription(Sockets.reason(e))));
            }
        });
    }

    private void connected(Upstream fresh) {
        connecting = false;
        upstream = fresh;
        if (closed) {
            fresh.close();
            return;
        }
        fresh.whenWritable(() -> changed(fresh));
        if (!caller.isWritable()) {
            fresh.pause();
        }
        for (Waiting frame = waiting.poll(); frame != null; frame = waiting.poll()) {
            caller.taken(frame.frame.length);
            transmit(frame, fresh);
            if (connecting) {
                return;
            }
        }
        readOn();
    }

    private void refused(Status why) {
        connecting = false;
        Waiting first = waiting.poll();
        if (first != null) {
            caller.taken(first.frame.length);
            first.call.fail(why);
        }
        while (!waiting.isEmpty() && calls.get(waiting.getFirst().call.number) != waiting.getFirst().call) {
            caller.taken(waiting.removeFirst().frame.length);
        }
        connect();
        readOn();
    }

    /** The agent's connection takes more, or is gone. */
    private void changed(Upstream one) {
        if (one.broke() && one.equals(upstream)) {
            upstream = null;
            Thread.ofVirtual().name("agent-gone").start(() -> hangUpIfGone(one));
        }
        readOn();
    }

    private void hangUpIfGone(@Nullable Upstream broken) {
        Status why;
        try {
            why = upstreams.gone(broken);
        } catch (RuntimeException | Error e) {
            // The caller is not to wait for an agent of which nothing is known.
            LOG.error("whether the agent is gone could not be found out", e);
            why = Status.INTERNAL.withDescription("whether the agent is gone could not be found out: " + e);
        }
        if (why != null) {
            end(why);
        }
    }

    /** The agent is gone for good: hangs up on the caller once its calls are answered. For any thread. */
    void end(Status why) {
        caller.io().execute(() -> {
            calls.values().forEach(call -> call.fail(why));
            String reason = String.valueOf(why.getDescription());
            if (upstreams.isAgentsSide()) {
                answer(Frame.of(0, Frame.AGENT_GONE, 0, reason.getBytes(StandardCharsets.UTF_8)));
            }
            caller.finish(new IOException(reason));
        });
    }

    /** Not from within {@link #frame}: it reads at once. */
    private void readOn() {
        Upstream target = upstream;
        if (!connecting && (target == null || !target.isOpen() || target.isWritable())) {
            caller.resume();
        }
    }

    private void forgetLateCalls() {
        long now = System.nanoTime();
        calls.values().removeIf(call -> {
            boolean late = call.timeoutNanos > 0 && now - call.begun > call.timeoutNanos + LATE_NANOS;
            Upstream on = call.on;
            if (late && on != null) {
                on.forget(call.onNumber);
            }
            return late;
        });
    }

    /** To the caller; on any thread. */
    private void answer(byte[] frame) {
        if (!caller.send(frame)) {
            caller.close(new IOException("the caller does not take its answers"));
        }
    }

    /** A frame of the caller's that waits for a connection, with the number that the caller gave it. */
    private static final class Waiting {
        final Call call;
        final byte[] frame;
        final boolean isData;
        final long since;

        Waiting(Call call, byte[] frame, boolean isData, long since) {
            this.call = call;
            this.frame = frame;
            this.isData = isData;
            this.since = since;
        }

        byte[] data() {
            byte[] data = new byte[frame.length - Frame.HEADER];
            System.arraycopy(frame, Frame.HEADER, data, 0, data.length);
            return data;
        }

        /** The frame with the time that is left to its caller, when it has waited. */
        byte[] timely() throws IOException, StatusException {
            if (call.timeoutNanos <= 0 || System.nanoTime() - since < NOTICEABLE_NANOS) {
                return frame;
            }
            long left = call.timeLeft().toNanos();
            if (left <= 0) {
                throw Status.DEADLINE_EXCEEDED
                        .withDescription("context deadline exceeded")
                        .asException();
            }
            return Frame.of(call.number, Frame.REQUEST, frame[Frame.HEADER - 1], RequestView.withTimeout(data(), left));
        }
    }

    /** One call of the caller's; {@code on} and {@code onNumber} say where it went. */
    private final class Call implements Upstream.Sink {
        final int number;
        final long timeoutNanos;
        final long begun = System.nanoTime();

        // Confined to the I/O thread.
        @Nullable
        Upstream on;

        int onNumber;
        int tries;

        Call(int number, long timeoutNanos) {
            this.number = number;
            this.timeoutNanos = timeoutNanos;
        }

        Duration timeLeft() {
            return timeoutNanos == 0 ? UNLIMITED : Duration.ofNanos(timeoutNanos - (System.nanoTime() - begun));
        }

        @Override
        public void sentAs(int itsNumber) {
            onNumber = itsNumber;
        }

        @Override
        public boolean begin(int type, int flags, int length, boolean last) {
            if (last) {
                calls.remove(number, this);
            }
            caller.begin(length, number, type, flags);
            pace();
            return true;
        }

        @Override
        public void piece(ByteBuffer data) {
            caller.append(data);
            pace();
        }

        /** A caller who does not take his answers gets no more until he does. */
        private void pace() {
            Upstream from = on;
            if (from != null && !caller.isWritable()) {
                from.pause();
            }
        }

        @Override
        public void whole(byte[] body) {
            throw new IllegalStateException("answers are handed on in pieces");
        }

        @Override
        public void oversized(long length) {
            fail(Status.RESOURCE_EXHAUSTED.withDescription(
                    "the agent's answer of " + length + " bytes is longer than " + Frame.MAX_DATA));
        }

        @Override
        public void broken(Status why, boolean answerBegun) {
            if (answerBegun) {
                // In the middle of a frame there is no way to tell the caller anything else.
                caller.close(new IOException("an answer was cut off: " + why.getDescription()));
            } else {
                fail(why);
            }
        }

        void succeed(ByteString payload) {
            if (calls.remove(number, this)) {
                Response response = Response.newBuilder().setPayload(payload).build();
                answer(Frame.of(number, Frame.RESPONSE, 0, response.toByteArray()));
            }
        }

        void fail(Status status) {
            if (calls.remove(number, this)) {
                answer(Frame.failure(number, status));
            }
        }
    }
}
