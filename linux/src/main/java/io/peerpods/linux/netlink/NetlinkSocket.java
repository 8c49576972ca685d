package io.peerpods.linux.netlink;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.NativeThreads;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;

/**
 * Requests and answers on one netlink socket, one at a time. The exchange runs on a platform thread, so virtual threads may call.
 * Thread safe.
 */
public final class NetlinkSocket implements AutoCloseable {

    static final int ROUTE = 0;
    /** NETLINK_SOCK_DIAG. */
    static final int SOCK_DIAG = 4;
    /** NETLINK_NETFILTER. */
    public static final int NETFILTER = 12;

    private static final int NLMSG_NOOP = 1;
    private static final int NLMSG_ERROR = 2;
    private static final int NLMSG_DONE = 3;
    private static final int F_MULTI = 2;
    private static final int F_DUMP_INTR = 0x10;
    private static final int F_ACK_TLVS = 0x200;
    private static final int NLMSGERR_ATTR_MSG = 1;

    // A table that changes all the time interrupts every dump; this many in a row is beyond any busy node.
    private static final int DUMP_ATTEMPTS = 50;

    private final NetlinkChannel wire;
    private final ReentrantLock lock = new ReentrantLock();
    private int sequence;
    private boolean closed;

    NetlinkSocket(NetlinkChannel wire) {
        this.wire = wire;
    }

    /** Of the calling platform thread's namespace; from a virtual thread, of the process's. */
    public static NetlinkSocket open(int protocol) {
        return NativeThreads.call(() -> new NetlinkSocket(KernelChannel.open(protocol)));
    }

    /** Of that namespace. */
    public static NetlinkSocket open(Netns namespace, int protocol) {
        return namespace.run(() -> new NetlinkSocket(KernelChannel.open(protocol)));
    }

    /** What a request brought: its rows, and whether a change in between made them unreliable. */
    private record Answer(List<Object> rows, boolean interrupted) {}

    /** Sends, waits until the kernel says that it is done. */
    void execute(String attempted, Message message) {
        exchange(attempted, message.acknowledged(), (_, _) -> Optional.empty());
    }

    /** Sends a request with one answer. */
    <T> T get(String attempted, Message message, BiFunction<Integer, ByteBuffer, Optional<T>> parse) {
        return this.<T>exchange(attempted, message, parse).getFirst();
    }

    /** Lists; asked again when a change while listing made the list unreliable. {@code parse} gets message type and payload. */
    public <T> List<T> dump(String attempted, Message message, BiFunction<Integer, ByteBuffer, Optional<T>> parse) {
        return exchange(attempted, message, parse);
    }

    @SuppressWarnings("unchecked")
    private <T> List<T> exchange(
            String attempted, Message message, BiFunction<Integer, ByteBuffer, Optional<T>> parse) {
        return NativeThreads.call(() -> {
            lock.lock();
            try {
                if (closed) {
                    throw new IllegalStateException(attempted + ": the netlink socket is closed");
                }
                for (int attempt = 1; attempt < DUMP_ATTEMPTS; attempt++) {
                    Answer answer = once(attempted, message, parse);
                    if (!answer.interrupted()) {
                        return (List<T>) answer.rows();
                    }
                }
                throw new LinuxException(
                        attempted + " (changed while it was listed, " + DUMP_ATTEMPTS + " times in a row)",
                        Errno.EAGAIN);
            } finally {
                lock.unlock();
            }
        });
    }

    private <T> Answer once(String attempted, Message message, BiFunction<Integer, ByteBuffer, Optional<T>> parse) {
        int mine = ++sequence;
        wire.send(message.finish(mine));
        List<Object> rows = new ArrayList<>();
        boolean interrupted = false;
        while (true) {
            ByteBuffer datagram = wire.receive();
            while (datagram.remaining() >= Message.HEADER) {
                int start = datagram.position();
                int length = datagram.getInt(start);
                if (length < Message.HEADER || length > datagram.remaining()) {
                    throw new IllegalStateException(attempted + ": malformed netlink answer");
                }
                int type = Short.toUnsignedInt(datagram.getShort(start + 4));
                int flags = Short.toUnsignedInt(datagram.getShort(start + 6));
                boolean ours = datagram.getInt(start + 8) == mine; // others answer an earlier request that timed out
                ByteBuffer payload = datagram.slice(start + Message.HEADER, length - Message.HEADER)
                        .order(ByteOrder.nativeOrder());
                datagram.position(Math.min(datagram.limit(), start + (length + 3 & ~3)));
                if (!ours || type == NLMSG_NOOP) {
                    continue;
                }
                interrupted |= (flags & F_DUMP_INTR) != 0;
                if (type == NLMSG_ERROR || type == NLMSG_DONE) {
                    requireSuccess(attempted, payload, flags, type == NLMSG_ERROR ? 4 + Message.HEADER : 4);
                    return new Answer(rows, interrupted);
                }
                parse.apply(type, payload).ifPresent(rows::add);
                if ((flags & F_MULTI) == 0 && !message.isAcknowledged()) {
                    return new Answer(rows, interrupted);
                }
            }
        }
    }

    private static void requireSuccess(String attempted, ByteBuffer payload, int flags, int textAt) {
        int error = payload.remaining() >= 4 ? payload.getInt(0) : 0;
        if (error >= 0) {
            return;
        }
        String text = "";
        if ((flags & F_ACK_TLVS) != 0 && payload.limit() > textAt) {
            text = Attributes.read(payload.position(textAt)).string(NLMSGERR_ATTR_MSG);
        }
        throw new LinuxException(attempted, -error, text);
    }

    /** The second time does nothing. */
    @Override
    public void close() {
        NativeThreads.call(() -> {
            lock.lock();
            try {
                if (!closed) {
                    closed = true;
                    wire.close();
                }
                return true;
            } finally {
                lock.unlock();
            }
        });
    }
}
