package io.peerpods.ttrpc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** Frames on a socket as they are: one read takes many, one write sends many. */
final class PlainWire implements Wire {
    private final SocketChannel socket;
    private final IoThread io;

    PlainWire(SocketChannel socket, IoThread io) {
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
        ByteBuffer buffer = io.borrow();
        try {
            while (true) {
                buffer.clear();
                queue.peek(buffer);
                if (buffer.flip().limit() == 0) {
                    return true;
                }
                int n = socket.write(buffer);
                queue.consume(n);
                if (buffer.hasRemaining()) {
                    return false;
                }
            }
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
