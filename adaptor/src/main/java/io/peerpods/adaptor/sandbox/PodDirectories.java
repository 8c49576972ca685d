package io.peerpods.adaptor.sandbox;

import io.peerpods.cloud.SandboxId;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** One directory a sandbox, readable by root only, which holds the agent socket. */
final class PodDirectories {

    private static final FileAttribute<?> PRIVATE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    private final Path root;

    PodDirectories(Path root) {
        this.root = root;
    }

    Path root() {
        return root;
    }

    Path socket(SandboxId id) {
        return SandboxIds.socket(root, id);
    }

    /** Makes the sandbox's directory unless it is there. The error's text names directory and setting. */
    void make(SandboxId id) throws IOException {
        try {
            Files.createDirectories(root.resolve(id.value()), PRIVATE);
        } catch (IOException e) {
            throw new IOException(
                    "cannot make " + root.resolve(id.value()) + ": " + reason(e) + "; see -pods-dir (PODS_DIR)", e);
        }
    }

    private static String reason(IOException e) {
        return switch (e) {
            case AccessDeniedException denied -> "permission denied";
            case FileSystemException file when file.getReason() != null -> String.valueOf(file.getReason());
            default -> e.toString();
        };
    }

    /** Removes the sandbox's directory and the files in it; nothing there is success. */
    void remove(SandboxId id) throws IOException {
        Path directory = root.resolve(id.value());
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        } catch (NoSuchFileException | NotDirectoryException e) {
            return;
        }
        try {
            Files.deleteIfExists(directory);
        } catch (DirectoryNotEmptyException e) {
            throw new IOException("cannot remove " + directory + ": something makes files in it", e);
        }
    }

    /** The sandboxes that an agent socket was made for, be it served or not; what has another name is not ours. */
    Set<SandboxId> withSocket() throws IOException {
        Set<SandboxId> ids = new TreeSet<>();
        try (Stream<Path> directories = Files.list(root)) {
            directories
                    .filter(directory -> Files.exists(directory.resolve(SandboxIds.SOCKET)))
                    .flatMap(directory ->
                            SandboxId.tryParse(directory.getFileName().toString()).stream())
                    .forEach(ids::add);
        } catch (NoSuchFileException e) {
            return Set.of();
        }
        return ids;
    }

    /** Whether a process, this or another one, serves the sandbox's agent socket. */
    boolean isServed(SandboxId id) {
        try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(socket(id)))) {
            return probe.isConnected();
        } catch (IOException e) {
            return false;
        }
    }
}
