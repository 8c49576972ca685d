package io.peerpods.linux;

import io.peerpods.linux.sys.Libc;
import io.peerpods.linux.sys.NativeThreads;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A file that stays reachable after its path was removed: a descriptor opened with O_PATH, which needs no permission to read and works
 * on sockets, where open(2) for reading fails. Thread-safe; the opener closes it.
 */
public final class PathHandle implements AutoCloseable {

    private final int fd;
    private final AtomicBoolean closed = new AtomicBoolean();

    private PathHandle(int fd) {
        this.fd = fd;
    }

    /**
     * Opens what is at that path now.
     *
     * @throws LinuxException when there is nothing (ENOENT) or it cannot be reached
     */
    public static PathHandle open(Path path) {
        int fd = NativeThreads.call(() -> Libc.open(path.toString(), Libc.O_PATH | Libc.O_CLOEXEC));
        if (fd < 0) {
            throw new LinuxException("open " + path, -fd);
        }
        return new PathHandle(fd);
    }

    /** A path to the file in this process, valid until {@link #close}; works for connect(2) too. */
    public Path path() {
        return Path.of("/proc/self/fd", Integer.toString(fd));
    }

    /** A second call has no effect. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            int _ = NativeThreads.call(() -> Libc.close(fd));
        }
    }
}
