package io.peerpods.agent;

import com.google.protobuf.ByteString;
import io.peerpods.linux.Netns;
import io.peerpods.proto.ttrpc.Request;
import io.peerpods.proto.ttrpc.Response;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/** One TLS connection from the worker's namespace to the agent, one ttRPC call at a time. */
final class WorkerClient implements AutoCloseable {

    private final SSLSocket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private int stream = 1;

    /** Waits until somebody listens. */
    WorkerClient(Path namespace, int port, SSLContext tls, Process agent) throws Exception {
        Socket raw = dial(namespace, port, agent);
        socket = (SSLSocket) tls.getSocketFactory().createSocket(raw, "podvm", port, true);
        socket.startHandshake();
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
    }

    Response call(String service, String method, ByteString payload) throws IOException {
        byte[] body = Request.newBuilder()
                .setService(service)
                .setMethod(method)
                .setPayload(payload)
                .build()
                .toByteArray();
        out.writeInt(body.length);
        out.writeInt(stream);
        out.writeShort(1 << 8);
        out.write(body);
        stream += 2;
        byte[] answer = new byte[in.readInt()];
        in.skipNBytes(6);
        in.readFully(answer);
        return Response.parseFrom(answer);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    private static Socket dial(Path namespace, int port, Process agent) throws Exception {
        long end = System.nanoTime() + java.time.Duration.ofMinutes(2).toNanos();
        try (Netns worker = Netns.open(namespace)) {
            while (true) {
                try {
                    return worker.call(() -> {
                        Socket socket = new Socket();
                        socket.connect(new InetSocketAddress(Machine.ADDRESS, port), 2_000);
                        return socket;
                    });
                } catch (IOException e) {
                    if (System.nanoTime() - end > 0 || !agent.isAlive()) {
                        throw new AssertionError(
                                "no process listens, the agent " + (agent.isAlive() ? "lives" : "is dead"), e);
                    }
                    Thread.sleep(50);
                }
            }
        }
    }
}
