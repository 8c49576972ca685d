package io.peerpods.ttrpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import io.peerpods.ttrpc.frame.Frame;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** The other end of a connection, byte by byte: sends whatever a test wants and reads whole frames. */
final class RawPeer implements AutoCloseable {

    /** A frame as it came. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Received(int streamId, int type, int flags, byte[] body) {

        Response response() {
            try {
                return Response.parseFrom(body);
            } catch (InvalidProtocolBufferException e) {
                throw new IllegalStateException("not a response", e);
            }
        }

        int code() {
            return response().getStatus().getCode();
        }

        String message() {
            return response().getStatus().getMessage();
        }
    }

    private final SocketChannel socket;

    RawPeer(SocketAddress server) throws IOException {
        socket = SocketChannel.open(server);
    }

    SocketChannel socket() {
        return socket;
    }

    static Request.Builder request(String service, String method, MessageLite message) {
        return Request.newBuilder().setService(service).setMethod(method).setPayload(message.toByteString());
    }

    static byte[] frame(int streamId, int type, int flags, ByteString body) {
        byte[] frame = Frame.allocate(body.size(), streamId, type, flags);
        body.copyTo(frame, Frame.HEADER);
        return frame;
    }

    void send(int streamId, int type, int flags, ByteString body) throws IOException {
        sendBytes(frame(streamId, type, flags, body));
    }

    void call(int streamId, Request.Builder request) throws IOException {
        send(streamId, Frame.REQUEST, 0, request.build().toByteString());
    }

    void sendBytes(byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            socket.write(buffer);
        }
    }

    Received read() throws IOException {
        ByteBuffer header = readFully(Frame.HEADER);
        int length = header.getInt();
        int streamId = header.getInt();
        int type = header.get();
        int flags = header.get();
        return new Received(streamId, type, flags, readFully(length).array());
    }

    /** Waits until the server has closed the connection. */
    void awaitEnd() throws IOException {
        ByteBuffer rest = ByteBuffer.allocate(64 << 10);
        try {
            while (socket.read(rest.clear()) >= 0) {
                // What was still on its way.
            }
        } catch (IOException reset) {
            // As good as an end.
        }
    }

    private ByteBuffer readFully(int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (socket.read(bytes) < 0) {
                throw new EOFException("the server closed the connection");
            }
        }
        return bytes.flip();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
