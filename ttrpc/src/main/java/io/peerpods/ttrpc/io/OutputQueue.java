package io.peerpods.ttrpc.io;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Frames that wait for the socket: whole ones, and one at a time that is handed on while it comes, in chunks that are used again.
 * Frames that are added in between wait for its end. Thread-safe; one thread at a time takes bytes out.
 */
final class OutputQueue {
    private final Supplier<ByteBuffer> chunks;
    private final Consumer<ByteBuffer> used;
    private final ArrayDeque<ByteBuffer> frames = new ArrayDeque<>();
    /** Whole frames that came while another was unfinished. */
    private final ArrayDeque<ByteBuffer> later = new ArrayDeque<>();
    /** Being filled; the writer never sees it before it is sealed. */
    private @Nullable ByteBuffer filling;

    private long unfinished;
    private long bytes;

    /**
     * @param chunks gives empty buffers
     * @param used takes them back
     */
    OutputQueue(Supplier<ByteBuffer> chunks, Consumer<ByteBuffer> used) {
        this.chunks = chunks;
        this.used = used;
    }

    synchronized long add(byte[] frame) {
        bytes += frame.length;
        ByteBuffer chunk = filling;
        if (unfinished > 0) {
            later.add(ByteBuffer.wrap(frame));
        } else if (chunk != null && chunk.remaining() >= frame.length) {
            chunk.put(frame);
        } else {
            seal();
            frames.add(ByteBuffer.wrap(frame));
        }
        return bytes;
    }

    /** Begins a frame of which so many bytes are to come by {@link #append}, header included. */
    synchronized void begin(long length) {
        if (unfinished > 0) {
            throw new IllegalStateException("a frame was begun inside another");
        }
        unfinished = length;
    }

    /** Copies the next bytes of the frame that was begun. */
    synchronized long append(ByteBuffer piece) {
        int length = piece.remaining();
        bytes += length;
        unfinished -= length;
        while (piece.hasRemaining()) {
            ByteBuffer chunk = filling;
            if (chunk == null) {
                chunk = chunks.get();
                filling = chunk;
            }
            int n = Math.min(chunk.remaining(), piece.remaining());
            chunk.put(chunk.position(), piece, piece.position(), n);
            chunk.position(chunk.position() + n);
            piece.position(piece.position() + n);
            if (!chunk.hasRemaining()) {
                seal();
            }
        }
        if (unfinished == 0 && !later.isEmpty()) {
            seal();
            frames.addAll(later);
            later.clear();
        }
        return bytes;
    }

    private void seal() {
        if (filling != null) {
            frames.add(filling.flip());
            filling = null;
        }
    }

    synchronized long bytes() {
        return bytes;
    }

    /** Whether there is something that can be taken out now. */
    synchronized boolean hasOutput() {
        return !frames.isEmpty() || filling != null;
    }

    synchronized void clear() {
        // A writer may still be reading from these: they are not used again.
        frames.clear();
        later.clear();
        filling = null;
        bytes = 0;
    }

    /** Copies from the head of the queue without removing anything, up to the first direct buffer. */
    synchronized void peek(ByteBuffer into) {
        seal();
        for (ByteBuffer frame : frames) {
            int n = Math.min(frame.remaining(), into.remaining());
            if (n == 0 || frame.isDirect()) {
                return;
            }
            into.put(into.position(), frame, frame.position(), n);
            into.position(into.position() + n);
        }
    }

    /** Removes bytes from the head that {@link #peek} gave. */
    synchronized void consume(int count) {
        int left = count;
        for (ByteBuffer head = frames.peek(); left > 0 && head != null; head = frames.peek()) {
            int n = Math.min(left, head.remaining());
            head.position(head.position() + n);
            left -= n;
            if (head.hasRemaining()) {
                break;
            }
            frames.poll();
        }
        bytes -= count;
    }

    /** The first frames, to be read from in place; {@link #consumed} follows. */
    synchronized int heads(ByteBuffer[] into) {
        seal();
        int n = 0;
        for (ByteBuffer frame : frames) {
            if (n == into.length) {
                break;
            }
            into[n++] = frame;
        }
        return n;
    }

    /** As {@link #heads}, only as far as the buffers are direct ones. */
    synchronized int directHeads(ByteBuffer[] into) {
        seal();
        int n = 0;
        for (ByteBuffer frame : frames) {
            if (n == into.length || !frame.isDirect()) {
                break;
            }
            into[n++] = frame;
        }
        return n;
    }

    /** Bytes were read from the buffers that {@link #heads} gave. */
    synchronized void consumed(long count) {
        bytes -= count;
        for (ByteBuffer head = frames.peek(); head != null && !head.hasRemaining(); head = frames.peek()) {
            frames.poll();
            if (head.capacity() == IoThread.CHUNK) {
                used.accept(head);
            }
        }
    }
}
