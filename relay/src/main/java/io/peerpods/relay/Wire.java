package io.peerpods.relay;

import java.io.Closeable;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** A connected byte stream: one thread may read while others, one at a time, write. Closing ends both at once and never blocks. */
interface Wire extends Closeable {

    /** Reads at least one byte; -1 at the end of the stream. */
    int read(byte[] target, int offset, int length) throws IOException;

    /** Writes all bytes. */
    void write(byte[] source, int offset, int length) throws IOException;

    @Override
    void close();

    /** A wire over a socket channel in blocking mode; for unix sockets. */
    static Wire of(SocketChannel channel) {
        return new Wire() {
            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                return channel.read(ByteBuffer.wrap(target, offset, length));
            }

            @Override
            public void write(byte[] source, int offset, int length) throws IOException {
                ByteBuffer buffer = ByteBuffer.wrap(source, offset, length);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }

            @Override
            public void close() {
                closeQuietly(channel);
            }
        };
    }

    /**
     * A wire over a socket.
     *
     * @param socket what is read and written, a TLS socket perhaps
     * @param raw the socket that is closed: the TCP socket under a TLS one, whose own close would wait for a writer that is stuck
     */
    static Wire of(Socket socket, Socket raw) throws IOException {
        var in = socket.getInputStream();
        var out = socket.getOutputStream();
        return new Wire() {
            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                return in.read(target, offset, length);
            }

            @Override
            public void write(byte[] source, int offset, int length) throws IOException {
                out.write(source, offset, length);
            }

            @Override
            public void close() {
                closeQuietly(raw);
            }
        };
    }

    /** Closes what is being given up; that it fails to close tells nobody anything. */
    static void closeQuietly(Closeable closeable) {
        try {
            closeable.close();
        } catch (IOException alreadyGone) {
            // Nothing is left to release.
        }
    }
}
