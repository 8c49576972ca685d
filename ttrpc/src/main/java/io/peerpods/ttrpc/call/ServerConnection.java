package io.peerpods.ttrpc.call;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.frame.OversizedException;
import io.peerpods.ttrpc.frame.RequestMessage;
import io.peerpods.ttrpc.frame.ResponseMessage;
import io.peerpods.ttrpc.io.Connection;
import io.peerpods.ttrpc.io.FrameListener;
import io.peerpods.ttrpc.io.IoThread;
import io.peerpods.ttrpc.io.Limits;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server's side of the protocol on one connection: which frame is answered by what. Every rule but the order of
 * stream ids is containerd's; ids may come in any order (ttrpc-rust sends them so) as long as they are odd and not in use.
 */
public final class ServerConnection implements FrameListener {
    private static final Logger LOG = LoggerFactory.getLogger(ServerConnection.class);

    private final Owner server;
    private final Connection connection;
    private final Limits limits;
    private final ConcurrentMap<Integer, InboundCall<?, ?>> calls = new ConcurrentHashMap<>();
    /** Bytes of the requests whose calls are in progress. */
    private final AtomicLong requestBytes = new AtomicLong();

    private @Nullable Attributes attributes;

    /** The server, as its connections see it. Thread-safe. */
    public interface Owner {

        /** What is served. */
        Methods methods();

        /** Whether new calls are refused and connections without calls are closed. */
        boolean isDraining();

        /** Is told once when a connection is closed. */
        void forget(ServerConnection connection);
    }

    public ServerConnection(Owner server, Connection connection, Limits limits) {
        this.server = server;
        this.connection = connection;
        this.limits = limits;
    }

    // --- for the calls

    IoThread io() {
        return connection.io();
    }

    void send(byte[] frame) {
        if (!connection.send(frame)) {
            connection.close(new IOException(
                    "more than " + limits.queuedBytes() + " bytes wait for a peer that does not take them"));
        }
    }

    void held(int bytes) {
        connection.held(bytes);
    }

    void taken(int bytes) {
        connection.taken(bytes);
    }

    boolean isWritable() {
        return connection.isWritable();
    }

    void remove(int streamId, InboundCall<?, ?> call) {
        if (calls.remove(streamId, call)) {
            requestBytes.addAndGet(-call.requestBytes());
        }
    }

    /** The last frame of a call is on its way. */
    void callEnded() {
        if (server.isDraining()) {
            closeWhenIdle();
        }
    }

    Attributes attributes() {
        Attributes known = attributes;
        if (known == null) {
            Attributes.Builder made = Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, connection.peer());
            SSLSession session = connection.session();
            if (session != null) {
                made.set(Grpc.TRANSPORT_ATTR_SSL_SESSION, session);
            }
            known = made.build();
            attributes = known;
        }
        return known;
    }

    // --- for the server

    SocketAddress peer() {
        return connection.peer();
    }

    public void open(IoThread io) {
        if (io.inside()) {
            connection.open();
        } else {
            io.execute(connection::open);
        }
    }

    /** Closes when no call is in progress. */
    public void closeWhenIdle() {
        if (calls.isEmpty()) {
            connection.closeOrderly(new IOException("the server was shut down"));
        }
    }

    public void close(IOException cause) {
        connection.closeOrderly(cause);
        connection.close(cause);
    }

    // --- frames

    @Override
    public void established() {}

    @Override
    public void frame(int streamId, int type, int flags, byte[] body) {
        if ((streamId & 1) == 0) {
            refuse(streamId, Status.INVALID_ARGUMENT, "StreamID must be odd for client initiated streams");
            return;
        }
        switch (type) {
            case Frame.REQUEST -> request(streamId, flags, body);
            case Frame.DATA -> {
                InboundCall<?, ?> call = calls.get(streamId);
                if (call == null) {
                    refuse(streamId, Status.INVALID_ARGUMENT, "StreamID is no longer active");
                } else {
                    call.data(flags, body);
                }
            }
            default -> {
                // The protocol asks to ignore types of a later version.
            }
        }
    }

    @Override
    public void oversized(int streamId, long length) {
        refuse(streamId, Status.RESOURCE_EXHAUSTED, OversizedException.text(length));
    }

    private void request(int streamId, int flags, byte[] body) {
        if (calls.containsKey(streamId)) {
            refuse(streamId, Status.INVALID_ARGUMENT, "StreamID cannot be re-used and must increment");
            return;
        }
        if (calls.size() >= limits.streams()) {
            refuse(streamId, Status.RESOURCE_EXHAUSTED, limits.streams() + " calls are in progress on this connection");
            return;
        }
        if (requestBytes.get() + body.length > limits.queuedBytes()) {
            refuse(
                    streamId,
                    Status.RESOURCE_EXHAUSTED,
                    "requests of " + limits.queuedBytes() + " bytes are in progress on this connection");
            return;
        }
        RequestMessage request;
        try {
            request = RequestMessage.parse(body);
        } catch (InvalidProtocolBufferException e) {
            refuse(streamId, Status.INVALID_ARGUMENT, "unmarshal request error: " + e.getMessage());
            return;
        }
        if (server.isDraining()) {
            refuse(streamId, Status.UNAVAILABLE, "the server is shutting down");
            return;
        }
        Methods.Target target = server.methods().find(request.service(), request.method());
        if (target == null) {
            refuse(streamId, Status.UNIMPLEMENTED, server.methods().missing(request.service(), request.method()));
            return;
        }
        if (request.timeoutNanos() < 0) {
            refuse(streamId, Status.DEADLINE_EXCEEDED, "context deadline exceeded");
            return;
        }
        start(streamId, flags, request, target.definition(), target.executor());
    }

    private <Q, P> void start(
            int streamId,
            int flags,
            RequestMessage request,
            ServerMethodDefinition<Q, P> definition,
            Executor executor) {
        InboundCall<Q, P> call = new InboundCall<>(this, streamId, flags, request, definition, executor);
        calls.put(streamId, call);
        requestBytes.addAndGet(call.requestBytes());
        call.begin(flags, request.payload());
    }

    private void refuse(int streamId, Status kind, String message) {
        send(ResponseMessage.refusal(streamId, kind.withDescription(message)));
    }

    @Override
    public void writable() {
        for (InboundCall<?, ?> call : calls.values()) {
            call.becameReady();
        }
    }

    @Override
    public boolean serves() {
        return true;
    }

    @Override
    public void closed(IOException cause) {
        LOG.debug("connection with {} closed: {}", connection.peer(), cause.getMessage());
        server.forget(this);
        for (InboundCall<?, ?> call : calls.values()) {
            call.hangUp(cause);
        }
        calls.clear();
    }
}
