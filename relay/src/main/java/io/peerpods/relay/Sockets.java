package io.peerpods.relay;

import io.peerpods.ttrpc.TtrpcServer;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Unix sockets with the rules that the callers of the agent socket set, and what all sockets here need. */
final class Sockets {

    /** {@code sun_path} without its final zero. */
    private static final int MAX_PATH = 107;

    private Sockets() {}

    /**
     * Listens at a path that no other user may use: directory 0700, made when missing, socket 0600; a socket that a process before
     * this one left there is replaced.
     *
     * @throws IOException with the path and the reason
     */
    static ServerSocketChannel listen(Path path) throws IOException {
        check(path);
        Path directory = path.toAbsolutePath().getParent();
        if (directory != null && !Files.isDirectory(directory)) {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        Files.deleteIfExists(path);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            listener.bind(UnixDomainSocketAddress.of(path), TtrpcServer.BACKLOG);
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
            return listener;
        } catch (IOException | RuntimeException e) {
            closeQuietly(listener);
            throw new IOException("cannot listen on " + path + ": " + reason(e), e);
        }
    }

    static SocketChannel connect(Path path) throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(path));
    }

    /** Closes what is being given up; a failure to close has no consequence. */
    static void closeQuietly(Closeable closeable) {
        try {
            closeable.close();
        } catch (IOException alreadyGone) {
            // Nothing is left to release.
        }
    }

    static String reason(Throwable failure) {
        String text = failure.getMessage();
        return text == null || text.isBlank() ? failure.getClass().getSimpleName() : text;
    }

    private static void check(Path path) throws IOException {
        String text = path.toString();
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        if (length > MAX_PATH) {
            throw new IOException("the agent socket's path has " + length + " bytes, a unix socket's path at most "
                    + MAX_PATH + ": choose a shorter pods directory (" + text + ")");
        }
        // Kata makes an URL of the path and splits it at ':'.
        if (text.chars().anyMatch(c -> ":%?#".indexOf(c) >= 0)) {
            throw new IOException(
                    "the agent socket's path holds one of ':', '%', '?', '#', which Kata cannot use: " + text);
        }
    }
}
