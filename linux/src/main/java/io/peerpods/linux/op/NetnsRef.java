package io.peerpods.linux.op;

import static java.util.Objects.requireNonNull;

import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Rtnl;
import java.nio.file.Path;

/**
 * Names the network namespace an op acts in. {@link #open} opens it.
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

    /**
     * Opens the namespace.
     *
     * @throws io.peerpods.linux.LinuxException ENOENT when there is none
     */
    public Netns open() {
        return isOwn() ? Netns.current() : Netns.open(path);
    }

    /**
     * Opens the namespace's links, addresses and routes.
     *
     * @throws io.peerpods.linux.LinuxException ENOENT when there is no such namespace
     */
    public Rtnl openRtnl() {
        if (isOwn()) {
            return Rtnl.open(); // without the detour over another thread
        }
        try (Netns netns = Netns.open(path)) {
            return Rtnl.open(netns);
        }
    }

    @Override
    public String toString() {
        return isOwn() ? "the daemon's own namespace" : path;
    }
}
