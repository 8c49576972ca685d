package io.peerpods.linux.op;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;

/**
 * Names the network namespace an op acts in, without opening it.
 *
 * @param path empty for the namespace of this process, else a file such as {@code /run/netns/podns}
 */
public record NetnsRef(String path) {

    /** The namespace of this process. */
    public static final NetnsRef OWN = new NetnsRef("");

    public NetnsRef {
        requireNonNull(path, "path");
        if (!path.isEmpty() && !path.startsWith("/")) {
            throw new IllegalArgumentException("a namespace is named by an absolute path, not '" + path + "'");
        }
    }

    public static NetnsRef of(String path) {
        return new NetnsRef(path);
    }

    public static NetnsRef of(Path path) {
        return new NetnsRef(path.toString());
    }

    public boolean isOwn() {
        return path.isEmpty();
    }

    @Override
    public String toString() {
        return isOwn() ? "the daemon's own namespace" : path;
    }
}
