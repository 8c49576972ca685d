package io.peerpods.agent.volumes;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/**
 * Gives a volume's files to a group as Kubernetes does for a pod's {@code fsGroup}: every file belongs to the group, which may read
 * and write it, and what is made in a directory belongs to the group too. The root comes last, and a volume whose root is as it should be is
 * left alone ({@code OnRootMismatch}).
 */
final class FsGroup {

    private static final int SETGID_AND_GROUP = 02770;
    private static final int OWNER_AND_GROUP = 0660;
    private static final int PERMISSIONS = 07777;

    private FsGroup() {}

    static void apply(Path root, int group) throws IOException {
        if (!isDone(root, group)) {
            Files.walkFileTree(root, visitor(group));
        }
    }

    private static boolean isDone(Path root, int group) throws IOException {
        return (int) Files.getAttribute(root, "unix:gid") == group
                && (mode(root) & SETGID_AND_GROUP) == SETGID_AND_GROUP;
    }

    private static int mode(Path file) throws IOException {
        return (int) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS) & PERMISSIONS;
    }

    private static FileVisitor<Path> visitor(int group) {
        return new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                give(file, group, attributes.isSymbolicLink() ? 0 : OWNER_AND_GROUP);
                return FileVisitResult.CONTINUE;
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

    private static void give(Path file, int group, int bits) throws IOException {
        int before = mode(file); // the change of the group takes setuid and setgid away
        Files.setAttribute(file, "unix:gid", group, LinkOption.NOFOLLOW_LINKS);
        if (bits != 0) {
            Files.setAttribute(file, "unix:mode", before | bits);
        }
    }
}
