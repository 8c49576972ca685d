package io.peerpods.cloud.aws.ec2;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A proxy that knows the method CONNECT alone. */
final class ConnectProxy implements AutoCloseable {

    private final ServerSocket listener;
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private volatile String authorization = "";

    private ConnectProxy(ServerSocket listener) {
        this.listener = listener;
    }

    static ConnectProxy start() throws IOException {
        ConnectProxy proxy = new ConnectProxy(new ServerSocket(0, 16, InetAddress.getLoopbackAddress()));
        Thread.ofVirtual().start(proxy::accept);
        return proxy;
    }

    String url() {
        return "http://127.0.0.1:" + listener.getLocalPort();
    }

    /** The targets of all tunnels. */
    List<String> asked() {
        return List.copyOf(asked);
    }

    /** Refuses what does not carry this from now on. */
    void requires(String value) {
        authorization = value;
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listener.accept();
                Thread.ofVirtual().start(() -> serve(client));
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    private void serve(Socket client) {
        try (client) {
            String head = head(client.getInputStream());
            String[] line = head.lines().findFirst().orElse("").split(" ", -1);
            if (!line[0].equals("CONNECT")) {
                answer(client, "405 Method Not Allowed");
                return;
            }
            if (!authorization.isEmpty()
                    && head.lines().noneMatch(each -> each.equalsIgnoreCase("Proxy-Authorization: " + authorization))) {
                answer(client, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\"");
                return;
            }
            asked.add(line[1]);
            int colon = line[1].lastIndexOf(':');
            try (Socket target =
                    new Socket(line[1].substring(0, colon), Integer.parseInt(line[1].substring(colon + 1)))) {
                answer(client, "200 Connection established");
                Thread back = Thread.ofVirtual().start(() -> copy(target, client));
                copy(client, target);
                back.join();
            }
        } catch (IOException e) {
            // The client is gone.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void answer(Socket client, String status) throws IOException {
        client.getOutputStream().write(("HTTP/1.1 " + status + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
    }

    private static String head(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                break;
            }
            head.append((char) next);
        }
        return head.toString();
    }

    private static void copy(Socket from, Socket to) {
        try {
            from.getInputStream().transferTo(to.getOutputStream());
            to.shutdownOutput();
        } catch (IOException e) {
            // One side is gone.
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
