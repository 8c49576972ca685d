package io.peerpods.linux;

import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Optional;

/**
 * Whole Ethernet frames of one ethertype on one link (packet(7)). It receives what arrives for this ethertype after tc has seen it, never
 * what this machine sends. It keeps the namespace it was opened in. For one platform thread at a time.
 */
public final class PacketSocket implements AutoCloseable {

    /** Longer frames are cut to this many bytes. */
    private static final int LONGEST = 2048;

    private final int fd;
    private final MemorySegment buffer;
    private final MemorySegment pollFd;

    private PacketSocket(int fd) {
        this.fd = fd;
        Arena arena = Arena.ofAuto();
        this.buffer = arena.allocate(LONGEST, 8);
        this.pollFd = arena.allocate(8, 4); // struct pollfd: fd, events, revents
        view(pollFd).putInt(0, fd).putShort(4, Libc.POLLIN);
    }

    /**
     * Opens one in the calling platform thread's namespace.
     *
     * @param link number of the link
     * @throws LinuxException EPERM without CAP_NET_RAW, ENODEV when there is no such link
     */
    public static PacketSocket open(int link, int etherType) {
        // Protocol 0: nothing is received before bind says from which link.
        int fd = Libc.socket(Libc.AF_PACKET, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        if (fd < 0) {
            throw new LinuxException("open a packet socket", -fd);
        }
        int bound = bind(fd, link, etherType);
        if (bound < 0) {
            Libc.close(fd);
            throw new LinuxException("bind a packet socket to link " + link, -bound);
        }
        return new PacketSocket(fd);
    }

    private static int bind(int fd, int link, int etherType) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(20, 4); // struct sockaddr_ll
            view(address).putShort(0, (short) Libc.AF_PACKET).putInt(4, link);
            address.asByteBuffer().order(ByteOrder.BIG_ENDIAN).putShort(2, (short) etherType);
            return Libc.bind(fd, address);
        }
    }

    /**
     * Sends a frame with its Ethernet header.
     *
     * @throws LinuxException when the kernel does not take it, such as ENETDOWN or ENOBUFS
     */
    public void send(byte[] frame) {
        MemorySegment.copy(frame, 0, buffer, ValueLayout.JAVA_BYTE, 0, frame.length);
        long sent;
        do {
            sent = Libc.send(fd, buffer, frame.length);
        } while (sent == -Errno.EINTR);
        if (sent < 0) {
            throw new LinuxException("send a frame", (int) -sent);
        }
    }

    /** The next frame, waiting at most that long; empty when none came. */
    public Optional<byte[]> receive(Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        while (true) {
            // Rounded up: a rest of less than a millisecond must not become a busy loop.
            long left = Math.max(0, (end - System.nanoTime() + 999_999) / 1_000_000);
            int ready = Libc.poll(pollFd, (int) Math.min(left, Integer.MAX_VALUE));
            if (ready == 0) {
                return Optional.empty();
            }
            long received = ready < 0 ? ready : Libc.recv(fd, buffer, 0);
            if (received >= 0) {
                return Optional.of(buffer.asSlice(0, received).toArray(ValueLayout.JAVA_BYTE));
            }
            if (received != -Errno.EINTR) {
                throw new LinuxException("receive a frame", (int) -received);
            }
        }
    }

    private static ByteBuffer view(MemorySegment segment) {
        return segment.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
        Libc.close(fd);
    }
}
