package io.peerpods.ttrpc;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** Frames that wait for the socket. Thread-safe; one thread at a time takes bytes out. */
final class OutputQueue {
    private final ArrayDeque<ByteBuffer> frames = new ArrayDeque<>();
    private long bytes;

    synchronized long add(byte[] frame) {
        frames.add(ByteBuffer.wrap(frame));
        bytes += frame.length;
        return bytes;
    }

    synchronized long bytes() {
        return bytes;
    }

    synchronized void clear() {
        frames.clear();
        bytes = 0;
    }

    /** Copies from the head of the queue without removing anything. */
    synchronized void peek(ByteBuffer into) {
        for (ByteBuffer frame : frames) {
            int n = Math.min(frame.remaining(), into.remaining());
            if (n == 0) {
                return;
            }
            into.put(into.position(), frame, frame.position(), n);
            into.position(into.position() + n);
        }
    }

    /** Removes bytes from the head. */
    synchronized void consume(int count) {
        bytes -= count;
        int left = count;
        for (ByteBuffer head = frames.peek(); head != null && left >= head.remaining(); head = frames.peek()) {
            left -= head.remaining();
            frames.poll();
        }
        ByteBuffer head = frames.peek();
        if (head != null) {
            head.position(head.position() + left);
        }
    }

    /** The first frames, to be read from in place; {@link #consumed} follows. */
    synchronized int heads(ByteBuffer[] into) {
        int n = 0;
        for (ByteBuffer frame : frames) {
            if (n == into.length) {
                break;
            }
            into[n++] = frame;
        }
        return n;
    }

    /** Bytes were read from the buffers that {@link #heads} gave. */
    synchronized void consumed(int count) {
        bytes -= count;
        for (ByteBuffer head = frames.peek(); head != null && !head.hasRemaining(); head = frames.peek()) {
            frames.poll();
        }
    }
}
