package io.peerpods.ttrpc.call;

import static java.util.Objects.requireNonNull;

import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.frame.Outgoing;
import io.peerpods.ttrpc.frame.OversizedException;
import io.peerpods.ttrpc.frame.Payload;
import io.peerpods.ttrpc.frame.RequestMessage;
import io.peerpods.ttrpc.frame.ResponseMessage;
import io.peerpods.ttrpc.frame.StatusMessage;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/** One call of a channel. */
public final class OutboundCall<Q, P> extends ClientCall<Q, P> implements Mailbox.Receiver {
    private static final Executor VIRTUAL = task -> {
        var _ = Thread.startVirtualThread(task);
    };

    private final ClientConnection connection;
    private final MethodDescriptor<Q, P> method;
    private final MethodType type;
    private final Context context = Context.current();
    private final @Nullable Deadline deadline;
    private final Mailbox mailbox;
    private final AtomicBoolean over = new AtomicBoolean();
    private final Context.CancellationListener contextCancelled = this::contextCancelled;
    private @Nullable Listener<P> listener;
    private Metadata headers = new Metadata();
    private @Nullable Outgoing only;
    private volatile int streamId;
    private volatile @Nullable Future<?> timeout;
    private boolean answered;
    private volatile StatusMessage outcome = StatusMessage.OK;

    public OutboundCall(ClientConnection connection, MethodDescriptor<Q, P> method, CallOptions options) {
        this.connection = connection;
        this.method = method;
        this.type = method.getType() == MethodType.UNKNOWN ? MethodType.UNARY : method.getType();
        this.deadline = earlier(options.getDeadline(), context.getDeadline());
        Executor executor = options.getExecutor();
        this.mailbox = new Mailbox(this, executor == null ? VIRTUAL : executor);
    }

    private static @Nullable Deadline earlier(@Nullable Deadline a, @Nullable Deadline b) {
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        return a.minimum(b);
    }

    // --- ClientCall

    @Override
    public void start(Listener<P> responses, Metadata headers) {
        if (listener != null) {
            throw new IllegalStateException("the call was started before");
        }
        listener = requireNonNull(responses, "responses");
        this.headers = headers;
        mailbox.start();
        if (deadline != null) {
            long left = deadline.timeRemaining(TimeUnit.NANOSECONDS);
            if (left <= 0) {
                deadlineOver();
                return;
            }
            timeout = connection.io().after(left, this::deadlineOver);
        }
        context.addListener(contextCancelled, Runnable::run);
        if (!type.clientSendsOneMessage()) {
            sendRequest(Outgoing.EMPTY, Frame.REMOTE_OPEN);
        }
        if (over.get()) {
            letGo();
        }
    }

    @Override
    public void request(int count) {
        mailbox.request(count);
    }

    @Override
    public void sendMessage(Q message) {
        if (over.get()) {
            return;
        }
        Outgoing outgoing = Outgoing.of(method.streamRequest(message));
        if (type.clientSendsOneMessage()) {
            only = outgoing;
            return;
        }
        try {
            if (!connection.send(outgoing.dataFrame(streamId))) {
                end(connection.refusal());
            }
        } catch (OversizedException e) {
            end(Status.RESOURCE_EXHAUSTED.withDescription(e.getMessage()));
        }
    }

    @Override
    public void halfClose() {
        if (over.get()) {
            return;
        }
        if (type.clientSendsOneMessage()) {
            Outgoing message = only;
            only = null;
            sendRequest(
                    message == null ? Outgoing.EMPTY : message,
                    type == MethodType.SERVER_STREAMING ? Frame.REMOTE_CLOSED : 0);
        } else if (!connection.send(Frame.empty(streamId, Frame.DATA, Frame.REMOTE_CLOSED | Frame.NO_DATA))) {
            end(connection.refusal());
        }
    }

    private void sendRequest(Outgoing message, int flags) {
        try {
            long left = 0;
            if (deadline != null) {
                left = deadline.timeRemaining(TimeUnit.NANOSECONDS);
                // 0 would mean: for ever.
                left = left == 0 ? -1 : left;
            }
            byte[] frame = RequestMessage.encode(
                    requireNonNull(method.getServiceName(), "a method name without a service"),
                    requireNonNull(method.getBareMethodName(), "a method name without a service"),
                    message,
                    left,
                    headers,
                    flags);
            if (!connection.sendRequest(this, frame)) {
                end(connection.refusal());
            }
        } catch (OversizedException e) {
            end(Status.RESOURCE_EXHAUSTED.withDescription(e.getMessage()));
        }
    }

    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {
        end(Status.CANCELLED
                .withDescription(message == null ? "the call was cancelled" : message)
                .withCause(cause));
    }

    @Override
    public boolean isReady() {
        return !over.get() && connection.isWritable();
    }

    @Override
    public Attributes getAttributes() {
        Attributes.Builder attributes = Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, connection.peer());
        SSLSession session = connection.session();
        if (session != null) {
            attributes.set(Grpc.TRANSPORT_ATTR_SSL_SESSION, session);
        }
        return attributes.build();
    }

    // --- for the connection

    void numbered(int id) {
        streamId = id;
    }

    /** A response frame came: the last one of the call. */
    void response(ResponseMessage response) {
        if (!response.status().status().isOk()) {
            finish(response.status(), false);
            return;
        }
        if (type.serverSendsOneMessage() || response.payload().length() > 0) {
            connection.held(response.payload().length());
            if (!mailbox.add(response.payload(), false)) {
                connection.taken(response.payload().length());
            }
        }
        finish(response.status(), false);
    }

    /** A data frame came. */
    void data(int flags, byte[] body) {
        if (type == MethodType.UNARY) {
            end(Status.INTERNAL.withDescription("the server answered a unary call by a stream"));
            return;
        }
        boolean last = (flags & Frame.REMOTE_CLOSED) != 0;
        if ((flags & Frame.NO_DATA) == 0) {
            connection.held(body.length);
            if (!mailbox.add(new Payload(body, 0, body.length), false)) {
                connection.taken(body.length);
            }
        }
        if (last) {
            finish(StatusMessage.OK, false);
        }
    }

    /** Ends the call at once from this side. */
    void end(Status status) {
        finish(new StatusMessage(status, new Metadata()), true);
    }

    void becameReady() {
        mailbox.ready();
    }

    private void deadlineOver() {
        end(Status.DEADLINE_EXCEEDED.withDescription("context deadline exceeded"));
    }

    private void contextCancelled(Context cancelled) {
        Throwable cause = cancelled.cancellationCause();
        Deadline limit = cancelled.getDeadline();
        if (limit != null && limit.isExpired()) {
            deadlineOver();
        } else {
            cancel("the caller's context was cancelled", cause);
        }
    }

    private void finish(StatusMessage status, boolean atOnce) {
        if (!over.compareAndSet(false, true)) {
            return;
        }
        outcome = status;
        connection.remove(streamId, this);
        letGo();
        if (atOnce) {
            mailbox.end();
        } else {
            mailbox.peerDone();
        }
    }

    private void letGo() {
        Future<?> running = timeout;
        if (running != null) {
            running.cancel(false);
        }
        context.removeListener(contextCancelled);
    }

    // --- events of the mailbox, one at a time

    @Override
    public void started() {
        listener().onReady();
    }

    @Override
    public void message(Payload message) {
        if (!answered) {
            answered = true;
            listener().onHeaders(new Metadata());
        }
        P parsed;
        try {
            parsed = method.parseResponse(message);
        } catch (RuntimeException e) {
            outcome = new StatusMessage(
                    Status.INTERNAL
                            .withDescription("ttrpc: error unmarshalling payload: " + e.getMessage())
                            .withCause(e),
                    new Metadata());
            if (over.compareAndSet(false, true)) {
                connection.remove(streamId, this);
                letGo();
            }
            mailbox.end();
            return;
        }
        listener().onMessage(parsed);
    }

    @Override
    public void peerDone() {
        mailbox.end();
    }

    @Override
    public void ended() {
        listener().onClose(outcome.status(), outcome.trailers());
    }

    @Override
    public void ready() {
        listener().onReady();
    }

    @Override
    public void taken(int bytes) {
        connection.taken(bytes);
    }

    @Override
    public void failed(Throwable failure) {
        outcome = new StatusMessage(
                Status.CANCELLED.withDescription("the caller's listener failed").withCause(failure), new Metadata());
        if (over.compareAndSet(false, true)) {
            connection.remove(streamId, this);
            letGo();
        }
        mailbox.end();
    }

    private Listener<P> listener() {
        return requireNonNull(listener, "the call was not started");
    }
}
