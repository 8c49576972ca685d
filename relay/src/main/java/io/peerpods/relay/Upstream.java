package io.peerpods.relay;

import io.grpc.Status;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A connection towards the agent. It numbers the calls itself, in rising odd numbers, and hands what comes back to the call's
 * {@link Sink}. A thread of its own reads; any thread may send. Closing it is what cancels its calls: ttRPC has no other way.
 */
final class Upstream implements Closeable {

    /** Where the answers of one call go. */
    interface Sink {

        /**
         * A frame of this call, in pieces perhaps, valid until this returns; after one with {@code last} set nothing more comes.
         *
         * @throws IOException when the rest of the frame cannot be read
         */
        void frame(FrameReader frame, boolean last) throws IOException;

        /** The connection broke before the call was over; nothing more comes. */
        void broken(Status why);
    }

    /** The connection had broken before anything of the call was written: it may be sent on another one. */
    static final class NotSentException extends Exception {
        private static final long serialVersionUID = 1;

        NotSentException() {
            super("the connection is gone", null, false, false);
        }
    }

    private final Wire wire;
    private final String peer;
    private final ReentrantLock writing = new ReentrantLock();
    private final Map<Integer, Sink> sinks = new ConcurrentHashMap<>();
    private int next = 1;
    private volatile boolean over;
    private volatile boolean closed;

    private Upstream(Wire wire, String peer) {
        this.wire = wire;
        this.peer = peer;
    }

    /**
     * Takes the wire over and begins to read.
     *
     * @param peer what is at the other end, for messages
     */
    static Upstream start(Wire wire, String peer) {
        Upstream upstream = new Upstream(wire, peer);
        Thread.ofVirtual().name("agent-answers").start(upstream::read);
        return upstream;
    }

    boolean isOpen() {
        return !over && !closed;
    }

    /**
     * Sends a request frame, whose header it completes in place.
     *
     * @return the call's number here
     * @throws NotSentException when nothing was written; after any later failure the sink hears of it
     */
    int send(byte[] array, int start, int wholeLength, Sink sink) throws NotSentException {
        writing.lock();
        try {
            int number = next;
            next += 2;
            sinks.put(number, sink);
            if (!isOpen() && sinks.remove(number) != null) {
                throw new NotSentException();
            }
            Frames.putInt(array, start + 4, number);
            write(array, start, wholeLength);
            return number;
        } finally {
            writing.unlock();
        }
    }

    /** Sends a data frame of a call that is on its way, in place as well; of one that is over, nothing. */
    void sendData(int number, byte[] array, int start, int wholeLength) {
        if (!sinks.containsKey(number)) {
            return;
        }
        writing.lock();
        try {
            Frames.putInt(array, start + 4, number);
            write(array, start, wholeLength);
        } finally {
            writing.unlock();
        }
    }

    /** Forgets a call whose caller waits no longer; what still comes of it is dropped. */
    void forget(int number) {
        sinks.remove(number);
    }

    @Override
    public void close() {
        closed = true;
        wire.close();
    }

    /** A failed write ends the connection; the reader sees that and tells everyone. */
    private void write(byte[] array, int start, int wholeLength) {
        try {
            wire.write(array, start, wholeLength);
        } catch (IOException gone) {
            wire.close();
        }
    }

    private void read() {
        String reason = "it was closed from the other side";
        try {
            FrameReader frames = FrameReader.inPieces(wire);
            while (frames.next()) {
                dispatch(frames);
            }
        } catch (IOException e) {
            reason = reason(e);
        } finally {
            wire.close();
            over = true;
            Status why = closed
                    ? Status.CANCELLED.withDescription("the connection to " + peer + " was given up")
                    : Status.UNAVAILABLE.withDescription("the connection to " + peer + " broke: " + reason);
            for (Integer number : List.copyOf(sinks.keySet())) {
                Sink sink = sinks.remove(number);
                if (sink != null) {
                    sink.broken(why);
                }
            }
        }
    }

    private void dispatch(FrameReader frame) throws IOException {
        boolean response = frame.type() == Frames.RESPONSE;
        if (!response && frame.type() != Frames.DATA) {
            return;
        }
        boolean last = response || (frame.flags() & Frames.REMOTE_CLOSED) != 0 || frame.isOversized();
        Sink sink = last ? sinks.remove(frame.stream()) : sinks.get(frame.stream());
        if (sink != null) {
            sink.frame(frame, last);
        }
    }

    static String reason(Throwable failure) {
        String text = failure.getMessage();
        return text == null || text.isBlank() ? failure.getClass().getSimpleName() : text;
    }
}
