package io.peerpods.ttrpc.io;

import io.peerpods.ttrpc.frame.FrameDecoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Arrays;

/** Frames on a socket as they are: one read takes many, one write sends many. */
final class PlainSocketIo implements SocketIo {
    private final SocketChannel socket;
    private final IoThread io;
    private final ByteBuffer[] heads = new ByteBuffer[16];

    PlainSocketIo(SocketChannel socket, IoThread io) {
        this.socket = socket;
        this.io = io;
    }

    @Override
    public Input read(FrameDecoder decoder) throws IOException {
        ByteBuffer buffer = io.readBuffer();
        int n = socket.read(buffer);
        if (n < 0) {
            return Input.END;
        }
        boolean full = !buffer.hasRemaining();
        decoder.feed(buffer.flip());
        return full ? Input.MORE : Input.DRAINED;
    }

    @Override
    public boolean write(OutputQueue queue) throws IOException {
        while (queue.hasOutput()) {
            int n = queue.directHeads(heads);
            if (!(n > 0 ? gather(queue, n) : copy(queue))) {
                return false;
            }
        }
        return true;
    }

    private boolean gather(OutputQueue queue, int count) throws IOException {
        try {
            queue.consumed(socket.write(heads, 0, count));
            return !heads[count - 1].hasRemaining();
        } finally {
            Arrays.fill(heads, null);
        }
    }

    /** Frames in arrays, small ones mostly: many leave in one write. */
    private boolean copy(OutputQueue queue) throws IOException {
        ByteBuffer buffer = io.borrow();
        try {
            queue.peek(buffer);
            int n = socket.write(buffer.flip());
            queue.consume(n);
            return !buffer.hasRemaining();
        } finally {
            io.giveBack(buffer);
        }
    }

    @Override
    public boolean established() {
        return true;
    }

    @Override
    public void shutdown() {}
}
