package io.peerpods.linux;

import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import io.peerpods.linux.sys.NativeThreads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A name that one process of a network namespace holds at a time, whatever files it sees: an abstract unix socket (unix(7)), which is
 * seen by every process of that network namespace, in whichever container. The kernel takes it back when the process ends. Thread safe.
 */
public final class NamespaceLock implements AutoCloseable {

    private static final int AF_UNIX = 1;
    private static final int SOCK_STREAM = 1;
    private static final int FAMILY = 2;

    /** Longest name in bytes: sun_path has 108, of which the first is zero. */
    public static final int LONGEST = 107;

    private final int fd;
    private final AtomicBoolean closed = new AtomicBoolean();

    private NamespaceLock(int fd) {
        this.fd = fd;
    }

    /**
     * Takes the name in the network namespace of this process.
     *
     * @param name at most {@link #LONGEST} bytes; shown with a leading {@code @} by {@code ss -xap}
     * @return empty when another process, or this one, holds it
     * @throws LinuxException when the kernel refuses for another reason
     */
    public static Optional<NamespaceLock> tryTake(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length == 0 || bytes.length > LONGEST) {
            throw new IllegalArgumentException("not a name of 1 to " + LONGEST + " bytes: '" + name + "'");
        }
        return NativeThreads.call(() -> {
            int fd = Libc.socket(AF_UNIX, SOCK_STREAM | Libc.SOCK_CLOEXEC, 0);
            if (fd < 0) {
                throw new LinuxException("open a unix socket", -fd);
            }
            int bound = bind(fd, bytes);
            if (bound == 0) {
                return Optional.of(new NamespaceLock(fd));
            }
            Libc.close(fd);
            if (bound == -Errno.EADDRINUSE) {
                return Optional.empty();
            }
            throw new LinuxException("bind the abstract unix socket @" + name, -bound);
        });
    }

    private static int bind(int fd, byte[] name) {
        try (Arena arena = Arena.ofConfined()) {
            // struct sockaddr_un: the family, a zero byte, and the name without an end.
            MemorySegment address = arena.allocate(FAMILY + 1L + name.length, FAMILY);
            address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(name, 0, address, ValueLayout.JAVA_BYTE, FAMILY + 1L, name.length);
            return Libc.bind(fd, address);
        }
    }

    /** Gives the name back; the second time does nothing. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            NativeThreads.call(() -> Libc.close(fd));
        }
    }
}
