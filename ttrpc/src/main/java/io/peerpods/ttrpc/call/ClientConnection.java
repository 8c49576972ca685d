package io.peerpods.ttrpc.call;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.Status;
import io.peerpods.ttrpc.frame.Frame;
import io.peerpods.ttrpc.frame.OversizedException;
import io.peerpods.ttrpc.frame.ResponseMessage;
import io.peerpods.ttrpc.io.Connection;
import io.peerpods.ttrpc.io.FrameListener;
import io.peerpods.ttrpc.io.IoThread;
import io.peerpods.ttrpc.io.Limits;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Consumer;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The client's side of the protocol on one connection. What the server sends for an unknown stream is ignored. */
public final class ClientConnection implements FrameListener {
    private static final Logger LOG = LoggerFactory.getLogger(ClientConnection.class);

    private final Connection connection;
    private final Limits limits;
    private final ConcurrentMap<Integer, OutboundCall<?, ?>> calls = new ConcurrentHashMap<>();
    private final CompletableFuture<Void> established = new CompletableFuture<>();
    private final List<Consumer<IOException>> closeListeners = new ArrayList<>();
    private volatile @Nullable IOException cause;
    /** The next call's; negative when all 2^31 were used. In the order of the wire. */
    private long nextStreamId = 1;

    public ClientConnection(Connection connection, Limits limits) {
        this.connection = connection;
        this.limits = limits;
    }

    // --- for the channel

    public void open() {
        connection.io().execute(connection::open);
    }

    public CompletableFuture<Void> whenEstablished() {
        return established;
    }

    public boolean isOpen() {
        return connection.isOpen();
    }

    public void whenClosed(Consumer<IOException> listener) {
        IOException closedBy;
        synchronized (closeListeners) {
            closedBy = cause;
            if (closedBy == null) {
                closeListeners.add(listener);
            }
        }
        if (closedBy != null) {
            listener.accept(closedBy);
        }
    }

    public void close(IOException why) {
        connection.closeOrderly(why);
        connection.close(why);
    }

    // --- for the calls

    IoThread io() {
        return connection.io();
    }

    SocketAddress peer() {
        return connection.peer();
    }

    @Nullable
    SSLSession session() {
        return connection.session();
    }

    boolean isWritable() {
        return connection.isWritable();
    }

    void held(int bytes) {
        connection.held(bytes);
    }

    void taken(int bytes) {
        connection.taken(bytes);
    }

    boolean send(byte[] frame) {
        return connection.send(frame);
    }

    /** Gives the call its stream id and sends its request. */
    boolean sendRequest(OutboundCall<?, ?> call, byte[] frame) {
        if (calls.size() >= limits.streams()) {
            return false;
        }
        boolean sent = connection.send(frame, numbered -> {
            if (nextStreamId > 0xffff_ffffL) {
                return false;
            }
            int id = (int) nextStreamId;
            nextStreamId += 2;
            Frame.setStreamId(numbered, id);
            call.numbered(id);
            calls.put(id, call);
            return true;
        });
        if (sent && !connection.isOpen()) {
            // Closed in between: the thread that closed may have missed this call.
            call.end(refusal());
        }
        return sent;
    }

    /** Why nothing can be sent. */
    Status refusal() {
        IOException closedBy = cause;
        if (closedBy != null) {
            return lost(closedBy);
        }
        return Status.UNAVAILABLE.withDescription("the connection with " + peer()
                + " takes no more: too many calls are in progress or too many bytes wait");
    }

    void remove(int streamId, OutboundCall<?, ?> call) {
        calls.remove(streamId, call);
    }

    // --- frames

    @Override
    public void established() {
        established.complete(null);
    }

    @Override
    public void frame(int streamId, int type, int flags, byte[] body) {
        OutboundCall<?, ?> call = calls.get(streamId);
        if (call == null) {
            // Late: the caller has stopped waiting.
            return;
        }
        switch (type) {
            case Frame.RESPONSE -> {
                try {
                    call.response(ResponseMessage.parse(body));
                } catch (InvalidProtocolBufferException e) {
                    call.end(Status.INTERNAL
                            .withDescription("ttrpc: error unmarshalling response: " + e.getMessage())
                            .withCause(e));
                }
            }
            case Frame.DATA -> call.data(flags, body);
            default -> {
                // The protocol asks to ignore types of a later version.
            }
        }
    }

    @Override
    public void oversized(int streamId, long length) {
        OutboundCall<?, ?> call = calls.get(streamId);
        if (call != null) {
            call.end(Status.RESOURCE_EXHAUSTED.withDescription(OversizedException.text(length)));
        }
    }

    @Override
    public void writable() {
        for (OutboundCall<?, ?> call : calls.values()) {
            call.becameReady();
        }
    }

    @Override
    public boolean serves() {
        return false;
    }

    @Override
    public void closed(IOException why) {
        LOG.debug("connection with {} closed: {}", connection.peer(), why.getMessage());
        List<Consumer<IOException>> listeners;
        synchronized (closeListeners) {
            cause = why;
            listeners = List.copyOf(closeListeners);
            closeListeners.clear();
        }
        established.completeExceptionally(why);
        Status status = lost(why);
        for (OutboundCall<?, ?> call : calls.values()) {
            call.end(status);
        }
        for (Consumer<IOException> listener : listeners) {
            listener.accept(why);
        }
    }

    private Status lost(IOException why) {
        return Status.UNAVAILABLE
                .withDescription("the connection with " + peer() + " is lost: " + why.getMessage())
                .withCause(why);
    }
}
