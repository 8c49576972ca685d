package io.peerpods.agent.volumes;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * Gives a volume's files to a group as Kubernetes does for a pod's {@code fsGroup}: every file belongs to the group, which may read
 * and write it, and what is made in a directory belongs to the group too. The root comes last, and a volume whose root is as it should be is
 * left alone ({@code OnRootMismatch}). For volumes that no other process can reach yet: one that could exchange a directory for a symbolic link
 * meanwhile could have the files of the VM given away.
 */
final class FsGroup {

    private static final int SETGID_AND_GROUP = 02770;
    private static final int OWNER_AND_GROUP = 0660;
    private static final int PERMISSIONS = 07777;

    private FsGroup() {}

    /** @throws VolumeException when it cannot be done, or the sandbox ends meanwhile */
    static void apply(Path root, int group, VolumeMounts.Sandbox sandbox) throws VolumeException {
        try {
            if (!isDone(root, group)) {
                Files.walkFileTree(root, visitor(group, sandbox));
            }
        } catch (IOException e) {
            if (e.getCause() instanceof VolumeException ended) {
                throw ended;
            }
            throw new VolumeException("its files cannot be given to group " + group + ": " + e, e);
        }
    }

    private static boolean isDone(Path root, int group) throws IOException {
        return (int) Files.getAttribute(root, "unix:gid", LinkOption.NOFOLLOW_LINKS) == group
                && (mode(root) & SETGID_AND_GROUP) == SETGID_AND_GROUP;
    }

    private static int mode(Path file) throws IOException {
        return (int) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS) & PERMISSIONS;
    }

    private static FileVisitor<Path> visitor(int group, VolumeMounts.Sandbox sandbox) {
        return new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                requireAlive(sandbox);
                give(file, group, attributes.isRegularFile() ? OWNER_AND_GROUP : 0);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                if (failure instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE;
                }
                throw failure;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
                    throws IOException {
                if (failure != null) {
                    throw failure;
                }
                give(directory, group, SETGID_AND_GROUP);
                return FileVisitResult.CONTINUE;
            }
        };
    }

    private static void requireAlive(VolumeMounts.Sandbox sandbox) throws IOException {
        try {
            sandbox.requireAlive();
        } catch (VolumeException e) {
            throw new IOException(e);
        }
    }

    /**
     * No link is followed: the group is set as lchown(2) does, the mode through a descriptor that was opened with O_NOFOLLOW.
     *
     * @param bits what is added to the mode; 0 for all but regular files and directories, which are not opened
     */
    private static void give(Path file, int group, int bits) throws IOException {
        try {
            int before = mode(file); // the change of the group takes setuid and setgid away
            Files.setAttribute(file, "unix:gid", group, LinkOption.NOFOLLOW_LINKS);
            if (bits != 0) {
                Files.setAttribute(file, "unix:mode", before | bits, LinkOption.NOFOLLOW_LINKS);
            }
        } catch (NoSuchFileException e) {
            // Gone meanwhile: nothing is left to be given.
        }
    }
}
