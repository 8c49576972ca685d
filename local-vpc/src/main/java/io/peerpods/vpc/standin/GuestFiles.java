package io.peerpods.vpc.standin;

import io.grpc.Status;
import io.peerpods.proto.agent.CopyFileRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Files that the shim copies into the VM, in pieces of at most 1 MiB: a piece goes to a file beside the real one, which it becomes when
 * it is whole.
 */
final class GuestFiles {

    private static final int TYPE = 0170000;
    private static final int DIRECTORY = 0040000;
    private static final int LINK = 0120000;

    private final Path root;

    /** @param root nothing outside of it is written; kata-agent's is {@code /run/kata-containers} */
    GuestFiles(Path root) {
        this.root = root.normalize();
    }

    void copy(CopyFileRequest request) throws IOException {
        Path path = Path.of(request.getPath()).normalize();
        if (!path.startsWith(root) || path.equals(root)) {
            throw Status.INVALID_ARGUMENT
                    .withDescription("Path " + request.getPath() + " is not under " + root)
                    .asRuntimeException();
        }
        Files.createDirectories(Objects.requireNonNull(path.getParent()));
        switch (request.getFileMode() & TYPE) {
            case DIRECTORY -> Files.createDirectories(path);
            case LINK -> {
                Files.deleteIfExists(path);
                Files.createSymbolicLink(path, Path.of(request.getData().toStringUtf8()));
            }
            default -> piece(path, request);
        }
    }

    private static void piece(Path path, CopyFileRequest request) throws IOException {
        Path part = path.resolveSibling(path.getFileName() + ".part");
        try (FileChannel out = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer data = request.getData().asReadOnlyByteBuffer();
            long at = request.getOffset();
            while (data.hasRemaining()) {
                at += out.write(data, at);
            }
            if (out.size() < request.getFileSize()) {
                return;
            }
            out.truncate(request.getFileSize());
        }
        // A second copy of a file that is mounted somewhere must reach the mount: same inode, new content.
        if (Files.exists(path)) {
            Files.write(path, Files.readAllBytes(part));
            Files.delete(part);
        } else {
            Files.move(part, path, StandardCopyOption.ATOMIC_MOVE);
        }
        Files.setAttribute(path, "unix:mode", request.getFileMode() & 07777);
        Files.setAttribute(path, "unix:uid", request.getUid());
        Files.setAttribute(path, "unix:gid", request.getGid());
    }

    /** Removes everything below the root, the agent's own socket included, as kata-agent does it in CreateSandbox. */
    void clear() throws IOException {
        try (Stream<Path> below = Files.walk(root)) {
            for (Path path : below.sorted(Comparator.reverseOrder()).toList()) {
                if (!path.equals(root)) {
                    Files.deleteIfExists(path);
                }
            }
        }
    }
}
