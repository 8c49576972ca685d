package io.peerpods.linux.netlink;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/** A netlink socket of the network namespace in which the thread was that made it. It stays in that namespace, whichever thread uses it. */
final class KernelChannel implements NetlinkChannel {

    private static final int SOL_NETLINK = 270;
    private static final int NETLINK_ADD_MEMBERSHIP = 1;
    private static final int NETLINK_CAP_ACK = 10;
    private static final int NETLINK_EXT_ACK = 11;
    private static final int NETLINK_GET_STRICT_CHK = 12;

    // Of events: when it is full, the reader is told, and looks for itself.
    private static final int EVENT_BYTES = 64 << 10;

    // The kernel answers at once; only a grace period or another holder of its lock makes it slow.
    private static final int ANSWER_SECONDS = 30;

    /** Native memory of one thread: requests and answers pass through it. */
    private record Buffers(MemorySegment out, MemorySegment in) {
        static Buffers allocate() {
            Arena arena = Arena.ofAuto();
            return new Buffers(arena.allocate(4096, 8), arena.allocate(64 << 10, 8));
        }
    }

    private static final ThreadLocal<Buffers> BUFFERS = ThreadLocal.withInitial(Buffers::allocate);

    private final int fd;

    private KernelChannel(int fd) {
        this.fd = fd;
    }

    /** Opens a socket in the calling platform thread's namespace. */
    static KernelChannel open(int protocol) {
        KernelChannel wire = bound(protocol);
        wire.refine();
        return wire;
    }

    /** As {@link #open}, one that receives what the kernel tells that multicast group. See {@link #next}. */
    static KernelChannel listen(int protocol, int group) {
        KernelChannel wire = bound(protocol);
        MemorySegment scratch = BUFFERS.get().out();
        ByteBuffer bytes = scratch.asByteBuffer().order(ByteOrder.nativeOrder());
        bytes.putInt(0, EVENT_BYTES);
        Libc.setsockopt(wire.fd, Libc.SOL_SOCKET, Libc.SO_RCVBUF, scratch.asSlice(0, 4));
        bytes.putInt(0, group);
        int joined = Libc.setsockopt(wire.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, scratch.asSlice(0, 4));
        if (joined < 0) {
            wire.close();
            throw new LinuxException("join netlink group " + group, -joined);
        }
        return wire;
    }

    private static KernelChannel bound(int protocol) {
        int fd = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, protocol);
        if (fd < 0) {
            throw new LinuxException("open a netlink socket", -fd);
        }
        MemorySegment scratch = BUFFERS.get().out();
        scratch.asSlice(0, 16).fill((byte) 0);
        ByteBuffer bytes = scratch.asByteBuffer().order(ByteOrder.nativeOrder());
        bytes.putShort(0, (short) Libc.AF_NETLINK); // struct sockaddr_nl, kernel chooses the port id
        int bound = Libc.bind(fd, scratch.asSlice(0, 12));
        if (bound < 0) {
            Libc.close(fd);
            throw new LinuxException("bind a netlink socket", -bound);
        }
        return new KernelChannel(fd);
    }

    private void refine() {
        MemorySegment scratch = BUFFERS.get().out();
        ByteBuffer bytes = scratch.asByteBuffer().order(ByteOrder.nativeOrder());
        // Each is a refinement that old kernels lack: without it answers carry less text or dumps more rows.
        bytes.putInt(0, 1);
        Libc.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, scratch.asSlice(0, 4));
        Libc.setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, scratch.asSlice(0, 4));
        Libc.setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, scratch.asSlice(0, 4));
        bytes.putLong(0, ANSWER_SECONDS).putLong(8, 0); // struct timeval
        Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_RCVTIMEO, scratch.asSlice(0, 16));
    }

    /** For poll(2). */
    int descriptor() {
        return fd;
    }

    /**
     * A datagram if there is one, without waiting. Valid until the thread's next call.
     *
     * @throws LinuxException ENOBUFS when some were lost
     */
    Optional<ByteBuffer> next() {
        long received = receive(Libc.MSG_TRUNC | Libc.MSG_DONTWAIT);
        return received == -Errno.EAGAIN ? Optional.empty() : Optional.of(datagram(received));
    }

    @Override
    public void send(ByteBuffer message) {
        MemorySegment out = BUFFERS.get().out();
        int length = message.remaining();
        out.asByteBuffer().put(message);
        long sent;
        do {
            sent = Libc.send(fd, out, length);
        } while (sent == -Errno.EINTR);
        if (sent < 0) {
            throw new LinuxException("send a netlink request", (int) -sent);
        }
    }

    @Override
    public ByteBuffer receive() {
        long received = receive(Libc.MSG_TRUNC);
        if (received == -Errno.EAGAIN) {
            throw new LinuxException("wait " + ANSWER_SECONDS + " s for the kernel's netlink answer", Errno.EAGAIN);
        }
        return datagram(received);
    }

    private long receive(int flags) {
        long received;
        do {
            received = Libc.recv(fd, BUFFERS.get().in(), flags);
        } while (received == -Errno.EINTR);
        return received;
    }

    private static ByteBuffer datagram(long received) {
        MemorySegment in = BUFFERS.get().in();
        if (received < 0) {
            throw new LinuxException("receive a netlink answer", (int) -received);
        }
        if (received > in.byteSize()) {
            throw new LinuxException("receive a netlink answer of " + received + " bytes", Errno.ENOBUFS);
        }
        return in.asSlice(0, received).asByteBuffer().order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
        Libc.close(fd);
    }
}
