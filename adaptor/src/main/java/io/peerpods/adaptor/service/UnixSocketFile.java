package io.peerpods.adaptor.service;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** The file of a unix socket that a server is to listen on: the socket of another process is never removed. */
public final class UnixSocketFile {

    private UnixSocketFile() {}

    /**
     * Makes the directory, and removes the file of a server that is gone.
     *
     * @throws IOException when somebody listens there
     */
    public static void prepare(Path path) throws IOException {
        makeDirectory(path);
        if (!Files.exists(path)) {
            return;
        }
        if (isServed(path)) {
            throw new IOException("another process listens on " + path + "; stop that one first, or use another path");
        }
        Files.deleteIfExists(path);
    }

    /** Makes the directory that the socket is to be in. */
    public static void makeDirectory(Path path) throws IOException {
        Path directory = path.toAbsolutePath().getParent();
        if (directory != null && !Files.isDirectory(directory)) {
            try {
                Files.createDirectories(
                        directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
            } catch (IOException e) {
                throw new IOException("cannot make the directory of socket " + path + ": " + e, e);
            }
        }
    }

    /** Whether somebody listens there. */
    public static boolean isServed(Path path) {
        try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            return probe.isConnected();
        } catch (IOException e) {
            return false;
        }
    }
}
