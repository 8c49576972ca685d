package io.peerpods.tests.kata;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Reads and drops what is logged to a stream socket. Without a reader the shim refuses to start. */
final class Syslog implements AutoCloseable {

    private final ServerSocketChannel listener;

    private Syslog(ServerSocketChannel listener) {
        this.listener = listener;
    }

    static Syslog listen(Path socket) {
        try {
            ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            listener.bind(UnixDomainSocketAddress.of(socket));
            Thread.ofVirtual().name("syslog").start(() -> accept(listener));
            return new Syslog(listener);
        } catch (IOException e) {
            throw new UncheckedIOException("listen on " + socket, e);
        }
    }

    private static void accept(ServerSocketChannel listener) {
        try {
            while (true) {
                SocketChannel connection = listener.accept();
                Thread.ofVirtual().name("syslog-reader").start(() -> drop(connection));
            }
        } catch (IOException e) {
            // It was closed.
        }
    }

    private static void drop(SocketChannel connection) {
        ByteBuffer buffer = ByteBuffer.allocate(64 << 10);
        try (connection) {
            while (connection.read(buffer) >= 0) {
                buffer.clear();
            }
        } catch (IOException e) {
            // The shim is gone.
        }
    }

    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
