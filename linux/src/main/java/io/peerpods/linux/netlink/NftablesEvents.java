package io.peerpods.linux.netlink;

import io.peerpods.linux.LinuxException;
import io.peerpods.linux.Netns;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import io.peerpods.linux.sys.NativeThreads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells when nftables of some network namespaces change: one netlink socket a namespace, one native thread for all of them, which is
 * there while there are subscriptions. What changed is not told, only that a table may have. Thread safe, callable from virtual threads.
 */
public final class NftablesEvents implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(NftablesEvents.class);

    private static final int NFNLGRP_NFTABLES = 7;
    private static final int NFT_MSG_NEWGEN = NftablesReader.SUBSYSTEM | 15;
    /** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE and so on: the same number in all of them. */
    private static final int TABLE = 1;

    // As many as a busy ruleset makes in one transaction. With more the subscriber looks for itself, at its own pace.
    private static final int DATAGRAMS = 64;

    private static final int POLL_FD = 8; // sizeof(struct pollfd)
    private static final long PAUSE_AFTER_FAILURE = 1000;

    private final List<Subscription> subscriptions = new CopyOnWriteArrayList<>();
    private int wakeRead = -1;
    private int wakeWrite = -1;
    private @Nullable Thread thread;
    private boolean closed;

    /**
     * Tells of each change, until the subscription is closed. It keeps the namespace alive. After a call of {@code changed} there is no
     * other one until {@link Subscription#rearm}, so that a subscriber sets the pace.
     *
     * @param table which tables' changes count
     * @param changed called on the thread of the events; must return at once
     * @throws LinuxException when the kernel refuses
     */
    public Subscription subscribe(Netns namespace, Predicate<String> table, Runnable changed) {
        KernelChannel wire = namespace.run(() -> KernelChannel.listen(NetlinkSocket.NETFILTER, NFNLGRP_NFTABLES));
        Subscription subscription = new Subscription(wire, table, changed);
        synchronized (this) {
            if (closed) {
                NativeThreads.call(() -> {
                    wire.close();
                    return true;
                });
                throw new IllegalStateException("no longer listening for changes of nftables");
            }
            start();
            subscriptions.add(subscription);
        }
        wake();
        return subscription;
    }

    /** Changes of one namespace's tables. */
    public final class Subscription implements AutoCloseable {
        private final KernelChannel wire;
        private final Predicate<String> table;
        private final Runnable changed;
        private final CountDownLatch ended = new CountDownLatch(1);
        private volatile boolean armed = true;
        private volatile boolean ending;
        private boolean failed;

        private Subscription(KernelChannel wire, Predicate<String> table, Runnable changed) {
            this.wire = wire;
            this.table = table;
            this.changed = changed;
        }

        /** Call before looking: a change that comes while looking is told of then. */
        public void rearm() {
            if (!armed) {
                armed = true;
                wake();
            }
        }

        private void tell() {
            armed = false;
            changed.run();
        }

        private void read() {
            boolean concerned = false;
            int count = 0;
            try {
                for (; count < DATAGRAMS; count++) {
                    Optional<ByteBuffer> datagram = wire.next();
                    if (datagram.isEmpty()) {
                        break;
                    }
                    concerned = concerned || concerns(datagram.get());
                }
            } catch (LinuxException e) {
                concerned = true;
                if (e.errno() != Errno.ENOBUFS && !failed) {
                    failed = true;
                    log.error("changes of nftables are not noticed at once any more: {}", e.getMessage());
                }
            }
            if (concerned || count == DATAGRAMS) {
                tell();
            }
        }

        private boolean concerns(ByteBuffer datagram) {
            while (datagram.remaining() >= Message.HEADER) {
                int start = datagram.position();
                int length = Math.clamp(datagram.getInt(start), Message.HEADER, datagram.remaining());
                int type = Short.toUnsignedInt(datagram.getShort(start + 4));
                int from = Math.min(start + Message.HEADER + NftablesReader.GENERIC, start + length);
                if (type != NFT_MSG_NEWGEN
                        && table.test(Attributes.read(datagram.slice(from, start + length - from))
                                .string(TABLE))) {
                    return true;
                }
                datagram.position(Math.min(datagram.limit(), start + (length + 3 & ~3)));
            }
            return false;
        }

        /** Returns when the namespace is let go; {@code changed} is not called any more then. */
        @Override
        public void close() {
            ending = true;
            wake();
            awaitUninterruptibly(ended);
        }
    }

    private void start() {
        if (thread == null) {
            NativeThreads.call(() -> {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment ends = arena.allocate(ValueLayout.JAVA_INT, 2);
                    int made = Libc.pipe(ends);
                    if (made < 0) {
                        throw new LinuxException("make a pipe", -made);
                    }
                    wakeRead = ends.getAtIndex(ValueLayout.JAVA_INT, 0);
                    wakeWrite = ends.getAtIndex(ValueLayout.JAVA_INT, 1);
                }
                return true;
            });
            thread = Thread.ofPlatform().daemon().name("nft-events").start(this::listen);
        }
    }

    /** The thread looks at its subscriptions anew. */
    private void wake() {
        NativeThreads.call(() -> {
            synchronized (this) {
                if (wakeWrite >= 0) {
                    try (Arena arena = Arena.ofConfined()) {
                        Libc.write(wakeWrite, arena.allocate(1));
                    }
                }
            }
            return true;
        });
    }

    private void listen() {
        while (!isClosed()) {
            try {
                listenOnce();
            } catch (RuntimeException | Error e) {
                // Those who subscribed also look from time to time.
                log.error("cannot wait for changes of nftables, trying again: {}", e.toString());
                pause();
            }
            release();
        }
        subscriptions.forEach(subscription -> subscription.ending = true);
        release();
        synchronized (this) {
            Libc.close(wakeRead);
            Libc.close(wakeWrite);
            wakeWrite = -1;
        }
    }

    private void listenOnce() {
        List<Subscription> armed = subscriptions.stream()
                .filter(subscription -> subscription.armed)
                .toList();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment fds = arena.allocate((long) POLL_FD * (armed.size() + 1), 4);
            ByteBuffer bytes = fds.asByteBuffer().order(ByteOrder.nativeOrder());
            bytes.putInt(wakeRead).putShort(Libc.POLLIN).putShort((short) 0);
            armed.forEach(subscription -> bytes.putInt(subscription.wire.descriptor())
                    .putShort(Libc.POLLIN)
                    .putShort((short) 0));
            int ready = Libc.poll(fds, armed.size() + 1, -1);
            if (ready < 0 && ready != -Errno.EINTR) {
                throw new LinuxException("poll netlink sockets", -ready);
            }
            if (bytes.getShort(POLL_FD - 2) != 0) {
                Libc.read(wakeRead, arena.allocate(64));
            }
            for (int i = 0; i < armed.size(); i++) {
                if (bytes.getShort(POLL_FD * (i + 2) - 2) != 0) {
                    armed.get(i).read();
                }
            }
        }
    }

    /** Closed on this thread only: nothing polls a number that the kernel has given to another file meanwhile. */
    private void release() {
        List<Subscription> ending = subscriptions.stream()
                .filter(subscription -> subscription.ending)
                .toList();
        subscriptions.removeAll(ending);
        for (Subscription subscription : ending) {
            subscription.wire.close();
            subscription.ended.countDown();
        }
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_AFTER_FAILURE);
        } catch (InterruptedException e) {
            log.debug("nothing interrupts this thread to end it");
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends all subscriptions. The second time does nothing. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        wake();
        subscriptions.forEach(subscription -> awaitUninterruptibly(subscription.ended));
    }
}
