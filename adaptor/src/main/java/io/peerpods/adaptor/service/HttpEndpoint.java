package io.peerpods.adaptor.service;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Executors;

/** A few pages by HTTP, each an answer to GET. */
public final class HttpEndpoint implements AutoCloseable {

    /** One answer. */
    public record Answer(int status, String contentType, String body) {

        /** A line of text. */
        public static Answer text(int status, String text) {
            return new Answer(status, "text/plain; charset=utf-8", text + "\n");
        }
    }

    /** What is at a path. */
    public interface Page {
        Answer get() throws IOException;
    }

    private final HttpServer server;

    private HttpEndpoint(HttpServer server) {
        this.server = server;
    }

    /** Serves the pages by path. */
    public static HttpEndpoint listen(InetSocketAddress where, Map<String, Page> pages) throws IOException {
        HttpServer server;
        try {
            server = HttpServer.create(where, 16);
        } catch (IOException e) {
            throw new IOException("cannot listen on " + where + ": " + e.getMessage(), e);
        }
        pages.forEach((path, page) -> server.createContext(path, exchange -> answer(exchange, path, page)));
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
        return new HttpEndpoint(server);
    }

    private static void answer(HttpExchange exchange, String path, Page page) throws IOException {
        try (exchange) {
            boolean head = exchange.getRequestMethod().equals("HEAD");
            Answer answer;
            if (!exchange.getRequestURI().getPath().equals(path)) {
                answer = Answer.text(404, "not found");
            } else if (!head && !exchange.getRequestMethod().equals("GET")) {
                answer = Answer.text(405, "only GET");
            } else {
                answer = page.get();
            }
            exchange.getResponseHeaders().set("Content-Type", answer.contentType());
            byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(answer.status(), head ? -1 : body.length);
            if (!head) {
                try (OutputStream out = exchange.getResponseBody()) {
                    out.write(body);
                }
            }
        }
    }

    /** Where it really listens. */
    public InetSocketAddress address() {
        return server.getAddress();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
