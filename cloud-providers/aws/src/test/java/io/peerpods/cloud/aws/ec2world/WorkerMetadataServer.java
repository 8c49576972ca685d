package io.peerpods.cloud.aws.ec2world;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A worker's metadata service, version 2 only. */
public final class WorkerMetadataServer implements AutoCloseable {

    private final HttpServer server;
    private final Map<String, String> data;
    private volatile String token = "token-0";
    private volatile Duration delay = Duration.ZERO;
    private final AtomicInteger tokens = new AtomicInteger();
    private final List<String> asked = new CopyOnWriteArrayList<>();

    private WorkerMetadataServer(HttpServer server, Map<String, String> data) {
        this.server = server;
        this.data = data;
    }

    /** Starts one with this data, by path below {@code /latest/meta-data/}. */
    public static WorkerMetadataServer start(Map<String, String> data) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 16);
        WorkerMetadataServer metadata = new WorkerMetadataServer(server, data);
        server.createContext("/latest/", metadata::handle);
        server.start();
        return metadata;
    }

    public String endpoint() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /** The tokens given out so far are not accepted any more. */
    public void expireTokens() {
        token = "none";
    }

    /** Every answer takes this long from now on. */
    public void delay(Duration time) {
        delay = time;
    }

    /** The paths that were asked for. */
    public List<String> asked() {
        return List.copyOf(asked);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Thread.sleep(delay);
            String path = exchange.getRequestURI().getPath();
            if (exchange.getRequestMethod().equals("PUT") && path.equals("/latest/api/token")) {
                token = "token-" + tokens.incrementAndGet();
                answer(exchange, 200, token);
            } else if (!token.equals(exchange.getRequestHeaders().getFirst("X-aws-ec2-metadata-token"))) {
                answer(exchange, 401, "");
            } else {
                String name = path.substring("/latest/meta-data/".length());
                asked.add(name);
                String value = data.get(name);
                answer(exchange, value == null ? 404 : 200, value == null ? "" : value);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
