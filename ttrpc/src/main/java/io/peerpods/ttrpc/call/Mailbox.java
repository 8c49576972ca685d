package io.peerpods.ttrpc.call;

import io.peerpods.ttrpc.frame.Payload;
import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Brings the events of one call to its listener one at a time and in order, messages only as far as they were asked for.
 * Any thread posts; a post while there is no delivery makes the executor deliver.
 */
final class Mailbox implements Runnable {

    /** The call's side that knows its listener. Methods are called one at a time. */
    interface Receiver {
        void started();

        void message(Payload message);

        /** The peer sends nothing more, and every message was delivered. */
        void peerDone();

        /** The last event. */
        void ended();

        void ready();

        /** A message left the mailbox. */
        void taken(int bytes);

        /** A callback threw. No event but {@link #ended()} may follow. */
        void failed(Throwable failure);
    }

    private enum Event {
        NONE,
        STARTED,
        MESSAGE,
        PEER_DONE,
        READY,
        ENDED
    }

    private final Receiver receiver;
    private final Executor executor;
    private final AtomicInteger posts = new AtomicInteger();

    // Guarded by this.
    private final ArrayDeque<Payload> messages = new ArrayDeque<>(2);
    private boolean started;
    private long demand;
    private boolean peerDone;
    private boolean peerDoneDelivered;
    private boolean ready;
    private boolean ending;
    private boolean deaf;
    private boolean closed;

    private @Nullable Payload next;

    Mailbox(Receiver receiver, Executor executor) {
        this.receiver = receiver;
        this.executor = executor;
    }

    void start() {
        synchronized (this) {
            started = true;
        }
        post();
    }

    /** Delivers all of a unary call's request: start, message and half-close, in one go. */
    void startWith(Payload message, boolean last) {
        synchronized (this) {
            started = true;
            messages.add(message);
            peerDone = last;
        }
        post();
    }

    /** Adds a message; false when the call is over. */
    boolean add(Payload message, boolean last) {
        synchronized (this) {
            if (deaf || closed || peerDone) {
                return false;
            }
            messages.add(message);
            peerDone = last;
        }
        post();
        return true;
    }

    void peerDone() {
        synchronized (this) {
            peerDone = true;
        }
        post();
    }

    void request(int count) {
        synchronized (this) {
            demand += count;
            if (messages.isEmpty()) {
                return;
            }
        }
        post();
    }

    void ready() {
        synchronized (this) {
            ready = true;
        }
        post();
    }

    /** The call is over: undelivered messages are dropped and the last event follows. */
    void end() {
        int dropped = 0;
        synchronized (this) {
            ending = true;
            deaf = true;
            for (Payload message : messages) {
                dropped += message.length();
            }
            messages.clear();
        }
        if (dropped > 0) {
            receiver.taken(dropped);
        }
        post();
    }

    private void post() {
        if (posts.getAndIncrement() == 0) {
            executor.execute(this);
        }
    }

    @Override
    public void run() {
        int seen = posts.get();
        do {
            for (Event event = take(); event != Event.NONE; event = take()) {
                deliver(event);
            }
            seen = posts.addAndGet(-seen);
        } while (seen != 0);
    }

    private synchronized Event take() {
        if (closed) {
            return Event.NONE;
        }
        if (ending) {
            closed = true;
            return Event.ENDED;
        }
        if (deaf) {
            return Event.NONE;
        }
        if (started) {
            started = false;
            return Event.STARTED;
        }
        if (demand > 0 && !messages.isEmpty()) {
            demand--;
            next = messages.poll();
            return Event.MESSAGE;
        }
        if (peerDone && messages.isEmpty() && !peerDoneDelivered) {
            peerDoneDelivered = true;
            return Event.PEER_DONE;
        }
        if (ready) {
            ready = false;
            return Event.READY;
        }
        return Event.NONE;
    }

    private void deliver(Event event) {
        try {
            switch (event) {
                case NONE -> {}
                case STARTED -> receiver.started();
                case MESSAGE -> {
                    Payload message = next;
                    next = null;
                    if (message != null) {
                        receiver.taken(message.length());
                        receiver.message(message);
                    }
                }
                case PEER_DONE -> receiver.peerDone();
                case READY -> receiver.ready();
                case ENDED -> receiver.ended();
            }
        } catch (RuntimeException | Error e) {
            synchronized (this) {
                deaf = true;
            }
            receiver.failed(e);
        }
    }
}
