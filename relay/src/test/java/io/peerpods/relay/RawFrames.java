package io.peerpods.relay;

import io.peerpods.ttrpc.frame.Frame;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Frames on a unix socket, read and written with as little as possible of what is tested. */
final class RawFrames implements AutoCloseable {

    /** A frame as it came. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Received(int stream, int type, int flags, byte[] body) {}

    private final SocketChannel channel;

    RawFrames(SocketChannel channel) {
        this.channel = channel;
    }

    static RawFrames connect(Path socket) throws IOException {
        return new RawFrames(Sockets.connect(socket));
    }

    /** What comes before a frame's body. */
    record Header(int length, int stream, byte type, byte flags) {}

    /** Null at the end between two frames. */
    @Nullable
    Received next() throws IOException {
        Header header = header();
        return header == null ? null : new Received(header.stream, header.type, header.flags, body(header.length));
    }

    /** Null at the end; {@link #body} follows. */
    @Nullable
    Header header() throws IOException {
        ByteBuffer header = ByteBuffer.allocate(Frame.HEADER);
        return fill(header) ? new Header(header.getInt(), header.getInt(), header.get(), header.get()) : null;
    }

    byte[] body(int length) throws IOException {
        ByteBuffer body = ByteBuffer.allocate(length);
        if (!fill(body)) {
            throw new EOFException("the connection ended within a frame");
        }
        return body.array();
    }

    synchronized void write(byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    @Override
    public void close() {
        Sockets.closeQuietly(channel);
    }

    /** False when the stream ended before the first byte. */
    private boolean fill(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                if (buffer.position() == 0 && buffer.capacity() > 0) {
                    return false;
                }
                throw new EOFException("the connection ended within a frame");
            }
        }
        buffer.flip();
        return true;
    }
}
