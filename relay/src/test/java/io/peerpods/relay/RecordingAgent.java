package io.peerpods.relay;

import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** An agent on a unix socket that keeps each request's body and answers as the test says, frame by frame. */
final class RecordingAgent implements AutoCloseable {

    /** What to do with a request. */
    interface Behaviour {
        void request(Connection connection, int stream, byte[] body) throws IOException;
    }

    final List<byte[]> bodies = new CopyOnWriteArrayList<>();
    final AtomicInteger connections = new AtomicInteger();
    final AtomicInteger hangUps = new AtomicInteger();
    private final Set<Connection> open = ConcurrentHashMap.newKeySet();
    private final ServerSocketChannel listener;
    private final Behaviour behaviour;

    RecordingAgent(Path socket, Behaviour behaviour) throws IOException {
        this.listener = UnixSockets.listen(socket);
        this.behaviour = behaviour;
        Thread.startVirtualThread(this::accept);
    }

    /** Answers every request with this response body. */
    static Behaviour answering(byte[] body) {
        return (connection, stream, request) -> connection.send(stream, Frames.RESPONSE, 0, body);
    }

    void hangUpOnAll() {
        open.forEach(connection -> connection.wire.close());
    }

    @Override
    public void close() {
        Wire.closeQuietly(listener);
        hangUpOnAll();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel channel = listener.accept();
                Connection connection = new Connection(Wire.of(channel));
                connections.incrementAndGet();
                open.add(connection);
                Thread.startVirtualThread(() -> serve(connection));
            }
        } catch (IOException closed) {
            // The test is over.
        }
    }

    private void serve(Connection connection) {
        try {
            FrameReader frames = new FrameReader(connection.wire);
            while (frames.next()) {
                if (frames.type() == Frames.REQUEST) {
                    byte[] body = frames.copyBody();
                    bodies.add(body);
                    behaviour.request(connection, frames.stream(), body);
                }
            }
        } catch (IOException hungUp) {
            // Counted below.
        } finally {
            open.remove(connection);
            connection.wire.close();
            hangUps.incrementAndGet();
        }
    }

    /** One forwarder's connection. */
    static final class Connection {
        private final Wire wire;

        Connection(Wire wire) {
            this.wire = wire;
        }

        /** So many bytes of a response that says it is longer, then nothing more. */
        synchronized void sendTheBeginning(int stream, int declared, int sent) throws IOException {
            byte[] frame = new byte[Frames.HEADER + sent];
            Frames.putHeader(frame, 0, declared, stream, Frames.RESPONSE, 0);
            wire.write(frame, 0, frame.length);
            wire.close();
        }

        synchronized void send(int stream, int type, int flags, byte[] body) throws IOException {
            byte[] frame = Frames.frame(stream, type, flags, body);
            wire.write(frame, 0, frame.length);
        }
    }
}
