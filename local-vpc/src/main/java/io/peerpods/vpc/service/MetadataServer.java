package io.peerpods.vpc.service;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.peerpods.linux.Netns;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.model.VpcAddresses;
import io.peerpods.vpc.model.VpcSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The instance metadata service, version 2 (version 1 only where the VPC's behaviour allows it), as the AWS documentation describes
 * it: it listens in the router's namespace, which every NIC of every VM reaches, and knows a VM by the address that it asks from.
 */
public final class MetadataServer implements VpcServices.Listener {

    private static final Logger LOG = LoggerFactory.getLogger(MetadataServer.class);
    private static final String TTL = "X-aws-ec2-metadata-token-ttl-seconds";
    private static final int LONGEST = 21600;

    private final VpcSpec spec;
    private final MetadataTokens tokens;
    private final Function<InetAddress, Optional<Vm>> vms;
    private final HttpServer server;

    private MetadataServer(VpcSpec spec, String key, HttpServer server, Function<InetAddress, Optional<Vm>> vms) {
        this.spec = spec;
        this.tokens = new MetadataTokens(key, Clock.systemUTC());
        this.vms = vms;
        this.server = server;
    }

    /**
     * Serves in that namespace.
     *
     * @param vms the VM that has a NIC with this address
     * @throws UncheckedIOException with a BindException when another process serves there
     */
    public static MetadataServer start(
            VpcSpec spec, String key, Path namespace, Function<InetAddress, Optional<Vm>> vms) {
        InetSocketAddress listen = new InetSocketAddress(VpcAddresses.METADATA, 80);
        try (Netns netns = Netns.open(namespace)) {
            HttpServer server = netns.<HttpServer, IOException>run(() -> HttpServer.create(listen, 64));
            server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            MetadataServer service = new MetadataServer(spec, key, server, vms);
            server.createContext("/", service::handle);
            server.start();
            return service;
        } catch (IOException e) {
            throw new UncheckedIOException("serve metadata at " + listen + " in " + namespace, e);
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            exchange.getRequestBody().readAllBytes();
            Optional<Vm> vm = vms.apply(exchange.getRemoteAddress().getAddress());
            if (vm.isEmpty()) {
                answer(
                        exchange,
                        404,
                        "no instance of this VPC has the address "
                                + exchange.getRemoteAddress().getAddress().getHostAddress());
                return;
            }
            String path = exchange.getRequestURI().getPath();
            switch (exchange.getRequestMethod()) {
                case "PUT" -> token(exchange, vm.get(), path);
                case "GET", "HEAD" -> read(exchange, vm.get(), path);
                default -> answer(exchange, 405, "");
            }
        } catch (RuntimeException e) {
            LOG.warn("metadata service: {} {}", exchange.getRequestMethod(), exchange.getRequestURI(), e);
            throw e;
        }
    }

    private void token(HttpExchange exchange, Vm vm, String path) throws IOException {
        Headers headers = exchange.getRequestHeaders();
        if (!path.equals("/latest/api/token")) {
            answer(exchange, 405, "");
        } else if (headers.containsKey("X-Forwarded-For")) {
            answer(exchange, 403, "");
        } else {
            int seconds = seconds(headers.getFirst(TTL));
            if (seconds < 1 || seconds > LONGEST) {
                answer(exchange, 400, "");
                return;
            }
            exchange.getResponseHeaders().set(TTL, Integer.toString(seconds));
            answer(exchange, 200, tokens.issue(vm.id(), Duration.ofSeconds(seconds)));
        }
    }

    private void read(HttpExchange exchange, Vm vm, String path) throws IOException {
        String token = exchange.getRequestHeaders().getFirst("X-aws-ec2-metadata-token");
        if (token == null ? spec.behaviour().metadataV2Only() : !genuine(exchange, vm, token)) {
            answer(exchange, 401, "");
            return;
        }
        Optional<String> found = find(vm, path);
        answer(exchange, found.isPresent() ? 200 : 404, found.orElse(""));
    }

    private boolean genuine(HttpExchange exchange, Vm vm, String token) {
        Optional<Duration> remaining = tokens.remaining(vm.id(), token);
        remaining.ifPresent(left -> exchange.getResponseHeaders().set(TTL, Long.toString(left.toSeconds())));
        return remaining.isPresent();
    }

    private Optional<String> find(Vm vm, String path) {
        String data = "/latest/meta-data";
        if (path.equals("/latest/user-data")) {
            return vm.userData().isEmpty() ? Optional.empty() : Optional.of(vm.userData());
        }
        if (path.equals("/latest") || path.equals("/latest/")) {
            return Optional.of("meta-data\nuser-data");
        }
        return path.equals(data) || path.startsWith(data + "/")
                ? MetadataTree.of(vm, spec).get(path.substring(data.length()))
                : Optional.empty();
    }

    private static int seconds(@Nullable String text) {
        try {
            return text == null ? 0 : Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain");
        boolean head = exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(status, head || body.length == 0 ? -1 : body.length);
        if (!head && body.length > 0) {
            exchange.getResponseBody().write(body);
        }
    }
}
