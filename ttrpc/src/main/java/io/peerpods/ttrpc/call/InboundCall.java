package io.peerpods.ttrpc.call;

import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.frame.Outgoing;
import io.peerpods.ttrpc.frame.OversizedException;
import io.peerpods.ttrpc.frame.Payload;
import io.peerpods.ttrpc.frame.RequestMessage;
import io.peerpods.ttrpc.frame.ResponseMessage;
import io.peerpods.ttrpc.frame.StatusMessage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One call on a server, from its request frame to its last frame. */
public final class InboundCall<Q, P> extends ServerCall<Q, P> implements Mailbox.Receiver {
    private static final Logger LOG = LoggerFactory.getLogger(InboundCall.class);

    /** The attribute of a call that tells what its request frame says of the call's type. */
    public static final Attributes.Key<MethodType> WIRE_TYPE = Attributes.Key.create("io.peerpods.ttrpc.WIRE_TYPE");

    private static final long DEADLINE_GRACE_MILLIS = 20;

    private final ServerConnection connection;
    private final int streamId;
    private final ServerMethodDefinition<Q, P> definition;
    private final MethodDescriptor<Q, P> method;
    private final MethodType wireType;
    private final Metadata headers;
    private final Mailbox mailbox;
    private final Context.CancellableContext context;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final int requestBytes;
    private @Nullable Outgoing unaryAnswer;
    private Listener<Q> listener = new Listener<>() {};
    private volatile boolean cancelled;

    InboundCall(
            ServerConnection connection,
            int streamId,
            int flags,
            RequestMessage request,
            ServerMethodDefinition<Q, P> definition,
            Executor executor) {
        this.connection = connection;
        this.streamId = streamId;
        this.definition = definition;
        this.method = definition.getMethodDescriptor();
        this.wireType = method.getType() == MethodType.UNKNOWN ? wireType(flags) : method.getType();
        this.headers = request.metadata();
        this.requestBytes = request.payload().length();
        this.mailbox = new Mailbox(this, executor);
        this.context = request.timeoutNanos() > 0
                ? Context.ROOT.withDeadlineAfter(
                        request.timeoutNanos(),
                        TimeUnit.NANOSECONDS,
                        connection.io().timer())
                : Context.ROOT.withCancellation();
    }

    /** What the caller's request frame says about the rest of the call. */
    static MethodType wireType(int flags) {
        if ((flags & Frame.REMOTE_OPEN) != 0) {
            return MethodType.BIDI_STREAMING;
        }
        return (flags & Frame.REMOTE_CLOSED) != 0 ? MethodType.SERVER_STREAMING : MethodType.UNARY;
    }

    /** Starts the handler with what the request frame brought. */
    void begin(int flags, Payload payload) {
        if (context.getDeadline() != null) {
            context.addListener(ignored -> deadlineOver(), Runnable::run);
        }
        connection.held(payload.length());
        if (wireType.clientSendsOneMessage()) {
            mailbox.startWith(payload, true);
            return;
        }
        boolean last = (flags & Frame.REMOTE_CLOSED) != 0;
        if (payload.length() > 0) {
            mailbox.startWith(payload, last);
        } else {
            mailbox.start();
            if (last) {
                mailbox.peerDone();
            }
        }
    }

    /** A data frame of this call came. */
    void data(int flags, byte[] body) {
        boolean last = (flags & Frame.REMOTE_CLOSED) != 0;
        if ((flags & Frame.NO_DATA) == 0) {
            connection.held(body.length);
            if (!mailbox.add(new Payload(body, 0, body.length), last)) {
                connection.taken(body.length);
            }
        } else if (last) {
            mailbox.peerDone();
        }
    }

    /** The connection is gone. */
    void hangUp(Throwable cause) {
        if (closed.compareAndSet(false, true)) {
            cancelled = true;
            context.cancel(Status.CANCELLED
                    .withDescription("the caller hung up")
                    .withCause(cause)
                    .asRuntimeException());
            mailbox.end();
        }
    }

    /**
     * The caller's time is over. Its handler hears that now; the caller gets its answer a little later, since it has a
     * timer of its own and Kata's shim knows a timeout only by that timer's own error.
     */
    private void deadlineOver() {
        if (context.getDeadline() == null || !context.getDeadline().isExpired() || !closed.compareAndSet(false, true)) {
            return;
        }
        cancelled = true;
        mailbox.end();
        var _ = connection.io().after(TimeUnit.MILLISECONDS.toNanos(DEADLINE_GRACE_MILLIS), this::answerLate);
    }

    private void answerLate() {
        connection.remove(streamId, this);
        connection.send(ResponseMessage.refusal(
                streamId, Status.DEADLINE_EXCEEDED.withDescription("context deadline exceeded")));
        connection.callEnded();
    }

    int requestBytes() {
        return requestBytes;
    }

    void becameReady() {
        mailbox.ready();
    }

    // --- ServerCall

    @Override
    public void request(int count) {
        mailbox.request(count);
    }

    /** ttRPC has no headers in this direction. */
    @Override
    public void sendHeaders(Metadata ignored) {}

    @Override
    public void sendMessage(P message) {
        if (closed.get()) {
            return;
        }
        Outgoing outgoing = Outgoing.of(method.streamResponse(message));
        if (wireType.serverSendsOneMessage()) {
            unaryAnswer = outgoing;
            return;
        }
        try {
            connection.send(outgoing.dataFrame(streamId));
        } catch (OversizedException e) {
            finish(oversized(e));
        }
    }

    @Override
    public void close(Status status, Metadata trailers) {
        finish(new StatusMessage(status.isOk() ? status : Failures.told(status), trailers));
    }

    private void finish(StatusMessage status) {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        connection.remove(streamId, this);
        connection.send(lastFrame(status));
        connection.callEnded();
        mailbox.end();
    }

    private byte[] lastFrame(StatusMessage status) {
        try {
            if (!status.status().isOk()) {
                return ResponseMessage.failure(streamId, status);
            }
            if (wireType.serverSendsOneMessage()) {
                Outgoing answer = unaryAnswer;
                return ResponseMessage.success(streamId, answer == null ? Outgoing.EMPTY : answer);
            }
            return Frame.empty(streamId, Frame.DATA, Frame.REMOTE_CLOSED | Frame.NO_DATA);
        } catch (OversizedException e) {
            return ResponseMessage.refusal(streamId, oversized(e).status());
        }
    }

    private static StatusMessage oversized(OversizedException e) {
        return new StatusMessage(Status.RESOURCE_EXHAUSTED.withDescription(e.getMessage()), new Metadata());
    }

    @Override
    public boolean isReady() {
        return !closed.get() && connection.isWritable();
    }

    @Override
    public boolean isCancelled() {
        return cancelled;
    }

    @Override
    public MethodDescriptor<Q, P> getMethodDescriptor() {
        return method;
    }

    @Override
    public Attributes getAttributes() {
        return connection.attributes().toBuilder().set(WIRE_TYPE, wireType).build();
    }

    // --- events of the mailbox, one at a time

    @Override
    public void started() {
        Context previous = context.attach();
        try {
            listener = definition.getServerCallHandler().startCall(this, headers);
            if (!closed.get()) {
                listener.onReady();
            }
        } finally {
            context.detach(previous);
        }
    }

    @Override
    public void message(Payload message) {
        Q parsed;
        try {
            parsed = method.parseRequest(message);
        } catch (RuntimeException e) {
            finish(new StatusMessage(
                    Status.INTERNAL
                            .withDescription("ttrpc: error unmarshalling payload: " + reason(e))
                            .withCause(e),
                    new Metadata()));
            return;
        }
        Context previous = context.attach();
        try {
            listener.onMessage(parsed);
        } finally {
            context.detach(previous);
        }
    }

    private static String reason(RuntimeException e) {
        Throwable told = e.getCause() == null ? e : e.getCause();
        return String.valueOf(told.getMessage());
    }

    @Override
    public void peerDone() {
        Context previous = context.attach();
        try {
            listener.onHalfClose();
        } finally {
            context.detach(previous);
        }
    }

    @Override
    public void ready() {
        Context previous = context.attach();
        try {
            listener.onReady();
        } finally {
            context.detach(previous);
        }
    }

    @Override
    public void ended() {
        Context previous = context.attach();
        try {
            if (cancelled) {
                listener.onCancel();
            } else {
                listener.onComplete();
            }
        } finally {
            context.detach(previous);
            context.cancel(null);
        }
    }

    @Override
    public void taken(int bytes) {
        connection.taken(bytes);
    }

    @Override
    public void failed(Throwable failure) {
        if (closed.get()) {
            LOG.debug("{} failed after its answer", method.getFullMethodName(), failure);
            return;
        }
        StatusMessage status = Failures.thrown(failure);
        if (status.status().getCode() == Status.Code.UNKNOWN) {
            // One line: a caller can make a handler fail as often as it likes.
            LOG.warn("{} failed: {}", method.getFullMethodName(), failure.toString());
            LOG.debug("{} failed", method.getFullMethodName(), failure);
        }
        finish(status);
    }
}
