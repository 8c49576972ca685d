package io.peerpods.relay;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusException;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One caller's connection and the connection towards the agent that belongs to it: frames go over as they are, under the number
 * that the other side knows the call by. The caller's hang-up closes the agent's connection, which cancels its calls there; when
 * the agent's connection breaks, the calls on their way fail and later ones get a new connection, unless it broke in the middle of an
 * answer of which the caller has the beginning: then the caller is hung up on. There are no time-outs here: a
 * call may wait for days, a caller may never call.
 */
final class Session implements Closeable {

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

    private final Wire caller;
    private final Upstreams upstreams;
    private final AgentEdits edits;
    private final @Nullable Status refusal;
    private final FrameReader frames;
    private final ReentrantLock answering = new ReentrantLock();
    private final ReentrantLock connecting = new ReentrantLock();
    private final Map<Integer, Call> calls = new ConcurrentHashMap<>();
    private volatile @Nullable Upstream upstream;
    private volatile boolean closed;

    /** @param refusal what every call is answered with, without asking the agent; null to relay */
    Session(Wire caller, Upstreams upstreams, AgentEdits edits, @Nullable Status refusal) {
        this.caller = caller;
        this.upstreams = upstreams;
        this.edits = edits;
        this.refusal = refusal;
        this.frames = new FrameReader(caller);
    }

    /** Relays until the caller hangs up or {@link #close} is called. */
    void run() {
        try {
            while (frames.next()) {
                switch (frames.type()) {
                    case Frames.REQUEST -> request();
                    case Frames.DATA -> data();
                    default -> {} // to be ignored: later versions of the protocol may have more types
                }
            }
        } catch (IOException hungUp) {
            LOG.debug("a caller hung up: {}", Upstream.reason(hungUp));
        } finally {
            close();
        }
    }

    /** Hangs up on both sides. */
    @Override
    public void close() {
        closed = true;
        caller.close();
        Upstream current = upstream;
        if (current != null) {
            current.close();
        }
        calls.clear();
    }

    private void request() throws IOException {
        int number = frames.stream();
        Status wrong = objection(number);
        if (wrong != null) {
            answer(Frames.failure(number, wrong));
            return;
        }
        RequestView view = RequestView.of(frames.array(), frames.start() + Frames.HEADER, frames.length());
        Call call = new Call(number, view.timeoutNanos());
        calls.put(number, call);
        if (edits.concern(view.service(), view.method())) {
            byte[] body = frames.copyBody();
            // An edit may wait for a device or a route; the other calls of this caller do not wait with it.
            Thread.ofVirtual().name("agent-edit").start(() -> editAndForward(call, view, body));
        } else {
            forward(call, frames.array(), frames.start(), frames.atHand());
        }
    }

    private @Nullable Status objection(int number) {
        if (frames.isOversized()) {
            return Status.RESOURCE_EXHAUSTED.withDescription(
                    "message length " + frames.declaredLength() + " exceed maximum message size of " + Frames.MAX_BODY);
        }
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

    private void data() {
        Call call = calls.get(frames.stream());
        if (call != null && call.on != null && !frames.isOversized()) {
            call.on.sendData(call.onNumber, frames.array(), frames.start(), frames.atHand());
        }
    }

    private void editAndForward(Call call, RequestView view, byte[] body) {
        try {
            ByteString payload = RequestView.payload(body);
            ByteString edited = edits.edit(view.service(), view.method(), payload);
            byte[] sent = edited.equals(payload) ? body : RequestView.withPayload(body, edited);
            byte[] frame = Frames.frame(call.number, Frames.REQUEST, 0, sent);
            if (call.timeoutNanos > 0 && System.nanoTime() - call.begun > LONG_EDIT_NANOS) {
                // Whoever asked may have given up: the agent is not to do what nobody will hear of.
                frame = withTimeLeft(call, frame, 0, frame.length);
            }
            forward(call, frame, 0, frame.length);
        } catch (StatusException refused) {
            call.fail(refused.getStatus());
        } catch (IOException e) {
            call.fail(
                    Status.INVALID_ARGUMENT.withDescription(view.method() + " cannot be read: " + Upstream.reason(e)));
        } catch (RuntimeException e) {
            LOG.error("{} could not be edited", view.method(), e);
            call.fail(Status.INTERNAL.withDescription(view.method() + ": " + Upstream.reason(e)));
        }
    }

    private void forward(Call call, byte[] array, int start, int wholeLength) {
        try {
            for (int tries = 0; tries < SENDING_TRIES; tries++) {
                Upstream target = upstream;
                byte[] sent = array;
                int from = start;
                int length = wholeLength;
                if (target == null || !target.isOpen()) {
                    long before = System.nanoTime();
                    target = connect(call);
                    if (call.timeoutNanos > 0 && System.nanoTime() - before > NOTICEABLE_NANOS) {
                        sent = withTimeLeft(call, array, start, wholeLength);
                        from = 0;
                        length = sent.length;
                    }
                }
                try {
                    call.onNumber = target.send(sent, from, length, call);
                    call.on = target;
                    return;
                } catch (Upstream.NotSentException gone) {
                    LOG.debug("the agent's connection was gone before a call was sent; taking another");
                }
            }
            call.fail(Status.UNAVAILABLE.withDescription("the agent's connections end as soon as they are made"));
        } catch (StatusException e) {
            call.fail(e.getStatus());
        } catch (IOException e) {
            call.fail(Status.INVALID_ARGUMENT.withDescription("unmarshal request error: " + Upstream.reason(e)));
        }
    }

    private Upstream connect(Call call) throws StatusException {
        connecting.lock();
        try {
            Upstream current = upstream;
            if (current != null && current.isOpen()) {
                return current;
            }
            Upstream fresh = upstreams.take(call.timeLeft());
            upstream = fresh;
            if (closed) {
                fresh.close();
                throw Status.CANCELLED.withDescription("the caller hung up").asException();
            }
            return fresh;
        } finally {
            connecting.unlock();
        }
    }

    private static byte[] withTimeLeft(Call call, byte[] array, int start, int wholeLength)
            throws IOException, StatusException {
        long left = call.timeLeft().toNanos();
        if (left <= 0) {
            throw Status.DEADLINE_EXCEEDED
                    .withDescription("context deadline exceeded")
                    .asException();
        }
        byte[] body = new byte[wholeLength - Frames.HEADER];
        System.arraycopy(array, start + Frames.HEADER, body, 0, body.length);
        return Frames.frame(call.number, Frames.REQUEST, array[start + 9], RequestView.withTimeout(body, left));
    }

    private void forgetLateCalls() {
        long now = System.nanoTime();
        calls.values().removeIf(call -> {
            boolean late = call.timeoutNanos > 0 && now - call.begun > call.timeoutNanos + LATE_NANOS;
            if (late && call.on != null) {
                call.on.forget(call.onNumber);
            }
            return late;
        });
    }

    private void answer(byte[] frame) {
        answering.lock();
        try {
            caller.write(frame, 0, frame.length);
        } catch (IOException hungUp) {
            caller.close(); // the reading side ends with it, and run() cleans up
        } finally {
            answering.unlock();
        }
    }

    /** Hands a frame on as it comes; the pieces of a large one are on their way to the caller while the agent still sends. */
    private void answer(FrameReader frame) throws IOException {
        answering.lock();
        try {
            caller.write(frame.array(), frame.start(), frame.atHand());
            while (frame.nextPiece()) {
                caller.write(frame.array(), frame.start(), frame.atHand());
            }
        } catch (IOException eitherSide) {
            // In the middle of a frame there is no way to tell the caller anything else.
            caller.close();
            throw eitherSide;
        } finally {
            answering.unlock();
        }
    }

    /** One call of the caller's; {@code on} and {@code onNumber} say where it went. */
    private final class Call implements Upstream.Sink {
        final int number;
        final long timeoutNanos;
        final long begun = System.nanoTime();
        volatile @Nullable Upstream on;
        volatile int onNumber;

        Call(int number, long timeoutNanos) {
            this.number = number;
            this.timeoutNanos = timeoutNanos;
        }

        Duration timeLeft() {
            return timeoutNanos == 0 ? UNLIMITED : Duration.ofNanos(timeoutNanos - (System.nanoTime() - begun));
        }

        @Override
        public void frame(FrameReader frame, boolean last) throws IOException {
            if (last) {
                calls.remove(number, this);
            }
            if (frame.isOversized()) {
                answer(Frames.failure(
                        number,
                        Status.RESOURCE_EXHAUSTED.withDescription("the agent's answer of " + frame.declaredLength()
                                + " bytes is longer than " + Frames.MAX_BODY)));
                return;
            }
            Frames.putInt(frame.array(), frame.start() + 4, number);
            answer(frame);
        }

        @Override
        public void broken(Status why) {
            fail(why);
        }

        void fail(Status status) {
            if (calls.remove(number, this)) {
                answer(Frames.failure(number, status));
            }
        }
    }
}
