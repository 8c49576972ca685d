package io.peerpods.relay;

import io.peerpods.ttrpc.frame.Frame;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

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
        this.listener = Sockets.listen(socket);
        this.behaviour = behaviour;
        Thread.startVirtualThread(this::accept);
    }

    /** Answers every request with this response body. */
    static Behaviour answering(byte[] body) {
        return (connection, stream, request) -> connection.send(stream, Frame.RESPONSE, 0, body);
    }

    void hangUpOnAll() {
        open.forEach(connection -> connection.frames.close());
    }

    @Override
    public void close() {
        Sockets.closeQuietly(listener);
        hangUpOnAll();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel channel = listener.accept();
                Connection connection = new Connection(new RawFrames(channel));
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
            RawFrames frames = connection.frames;
            for (RawFrames.Received frame = frames.next(); frame != null; frame = frames.next()) {
                if (frame.type() == Frame.REQUEST) {
                    bodies.add(frame.body());
                    behaviour.request(connection, frame.stream(), frame.body());
                }
            }
        } catch (IOException hungUp) {
            // Counted below.
        } finally {
            open.remove(connection);
            connection.frames.close();
            hangUps.incrementAndGet();
        }
    }

    /** One forwarder's connection. */
    static final class Connection {
        private final RawFrames frames;

        Connection(RawFrames frames) {
            this.frames = frames;
        }

        /** So many bytes of a response that says it is longer, then nothing more. */
        void sendTheBeginning(int stream, int declared, int sent) throws IOException {
            frames.write(Arrays.copyOf(Frame.header(declared, stream, Frame.RESPONSE, 0), Frame.HEADER + sent));
            frames.close();
        }

        /** What comes next, for a behaviour that reads for itself. */
        RawFrames.@Nullable Received next() throws IOException {
            return frames.next();
        }

        void sendRaw(byte[] bytes) throws IOException {
            frames.write(bytes);
        }

        void send(int stream, int type, int flags, byte[] body) throws IOException {
            frames.write(Frame.of(stream, type, flags, body));
        }
    }
}
