package io.peerpods.ec2.faults;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Stands between a client and an EC2 emulator and behaves like EC2 where the emulator does not: client tokens, pending
 * instances, throttling, latency; and, when told to, like EC2 on a bad day: errors, errors after the effect, answers that
 * get lost. Keeps every call. Thread-safe.
 */
public final class FaultProxy implements AutoCloseable {

    private final URI target;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final List<Fault> faults = new CopyOnWriteArrayList<>();
    private final Map<String, RequestBucket> buckets = new ConcurrentHashMap<>();
    private final List<Handled> handled = new CopyOnWriteArrayList<>();
    private final States states = new States();
    private final SubnetAddresses addresses = new SubnetAddresses();
    private volatile ClientTokens tokens = new ClientTokens();
    private volatile Duration latency = Duration.ZERO;

    /**
     * A call and how it ended.
     *
     * @param code the error code that the client saw; empty when there was none; {@code (lost)} when it saw nothing
     */
    public record Handled(Call call, String code) {}

    private FaultProxy(URI target, HttpServer server) {
        this.target = target;
        this.server = server;
    }

    /** Starts one on a free loopback port. */
    public static FaultProxy start(URI target) throws IOException {
        return start(target, HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024));
    }

    /** Starts one on a loopback port that somebody opened, such as in another network namespace; closes it in the end. */
    public static FaultProxy start(URI target, HttpServer server) {
        FaultProxy proxy = new FaultProxy(target, server);
        server.setExecutor(proxy.threads);
        server.createContext("/", proxy::handle);
        server.start();
        return proxy;
    }

    /** Where clients connect. */
    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    /** Every call takes at least this long. */
    public void latency(Duration time) {
        latency = time;
    }

    /** Instances are pending for this long. */
    public void boot(Duration time) {
        states.boot(time);
    }

    /** Instances are not described for this long after their launch. */
    public void unseen(Duration time) {
        states.unseen(time);
    }

    /** Tells the id of each instance at its launch, from now on. */
    public void onLaunch(Consumer<String> listener) {
        states.onLaunch(listener);
    }

    /** Launches get addresses of this subnet one after the other, none of which EC2 keeps for itself. */
    public void subnet(String id, String cidr) {
        addresses.add(id, cidr);
    }

    /** Calls beyond the burst and the refill a second are answered with RequestLimitExceeded. */
    public void throttle(String action, double burst, double perSecond) {
        buckets.put(action, new RequestBucket(burst, perSecond));
    }

    /** The next calls of this kind fail without an effect. */
    public void refuse(String action, int times, int status, String code) {
        refuse(action, call -> true, times, status, code);
    }

    /** The next calls of this kind that match fail without an effect. */
    public void refuse(String action, Predicate<Call> matching, int times, int status, String code) {
        Answer answer = Answer.error(status, code, "as told: " + code);
        faults.add(new Fault(action, matching, times, new Fault.Kind.Refuse(answer)));
    }

    /** The next calls of this kind have their effect and are answered with an error. */
    public void failAfter(String action, int times, int status, String code) {
        Answer answer = Answer.error(status, code, "as told: " + code);
        faults.add(new Fault(action, call -> true, times, new Fault.Kind.FailAfter(answer)));
    }

    /** The next calls of this kind have their effect, and the connection is cut instead of an answer. */
    public void loseAnswer(String action, int times) {
        faults.add(new Fault(action, call -> true, times, new Fault.Kind.LoseAnswer()));
    }

    /** The next calls of this kind have their effect, and are answered so much later. */
    public void stall(String action, int times, Duration time) {
        faults.add(new Fault(action, call -> true, times, new Fault.Kind.Stall(time)));
    }

    /** Back to a well-behaved EC2 without a memory of calls and tokens. The emulator keeps its state. */
    public void reset() {
        faults.clear();
        buckets.clear();
        handled.clear();
        latency = Duration.ZERO;
        states.boot(Duration.ZERO);
        states.unseen(Duration.ZERO);
        states.onLaunch(instance -> {});
        addresses.forget();
        tokens = new ClientTokens();
    }

    /** Every call so far, in the order in which they were answered. */
    public List<Handled> handled() {
        return List.copyOf(handled);
    }

    /** The calls of one kind. */
    public List<Call> calls(String action) {
        return handled.stream()
                .map(Handled::call)
                .filter(call -> call.action().equals(action))
                .toList();
    }

    /** How many calls of each kind there were, throttled ones left out. */
    public Map<String, Integer> counts() {
        Map<String, Integer> counts = new TreeMap<>();
        for (Handled each : handled) {
            if (!each.code().equals("RequestLimitExceeded")) {
                counts.merge(each.call().action(), 1, Integer::sum);
            }
        }
        return counts;
    }

    /** How many calls were throttled. */
    public long throttled() {
        return handled.stream()
                .filter(each -> each.code().equals("RequestLimitExceeded"))
                .count();
    }

    /** Forgets the calls, nothing else. */
    public void forgetCalls() {
        handled.clear();
    }

    private void handle(HttpExchange exchange) throws IOException {
        long start = System.nanoTime();
        try (exchange) {
            String form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            Call call = Call.parse(form);
            Optional<Answer> answer = answer(call, exchange);
            pad(start);
            handled.add(new Handled(call, answer.map(Answer::code).orElse("(lost)")));
            if (answer.isPresent()) {
                send(exchange, answer.get());
            }
        } catch (InterruptedException e) {
            // The proxy is being closed; the connection is cut with it.
            Thread.currentThread().interrupt();
        }
    }

    private void pad(long start) throws InterruptedException {
        Duration left = latency.minusNanos(System.nanoTime() - start);
        if (left.isPositive()) {
            Thread.sleep(left);
        }
    }

    private static void send(HttpExchange exchange, Answer answer) throws IOException {
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/xml;charset=UTF-8");
        exchange.sendResponseHeaders(answer.status(), body.length);
        exchange.getResponseBody().write(body);
    }

    /** The answer, or empty when it gets lost. */
    private Optional<Answer> answer(Call call, HttpExchange exchange) throws IOException, InterruptedException {
        RequestBucket bucket = buckets.get(call.action());
        if (bucket != null && !bucket.take()) {
            return Optional.of(Answer.error(503, "RequestLimitExceeded", "Request limit exceeded."));
        }
        Optional<Answer> known = tokens.remembered(call);
        Optional<Fault> fault = faults.stream()
                .filter(each -> applies(each, known) && each.hits(call))
                .findFirst();
        if (fault.isPresent() && fault.get().kind() instanceof Fault.Kind.Refuse refuse) {
            return Optional.of(refuse.answer());
        }
        Answer effect = known.isPresent() ? known.get() : effect(call, exchange);
        return switch (fault.map(Fault::kind).orElse(null)) {
            case Fault.Kind.FailAfter failure -> Optional.of(failure.answer());
            case Fault.Kind.LoseAnswer _ -> Optional.empty();
            case Fault.Kind.Stall stall -> {
                Thread.sleep(stall.time());
                yield Optional.of(effect);
            }
            case null, default -> Optional.of(effect);
        };
    }

    /** A launch that EC2 remembers is not refused for want of capacity; an error of EC2 itself hits it all the same. */
    private static boolean applies(Fault fault, Optional<Answer> known) {
        return known.isEmpty()
                || !(fault.kind() instanceof Fault.Kind.Refuse refuse)
                || refuse.answer().status() >= 500
                || refuse.answer().code().equals("UnauthorizedOperation");
    }

    private Answer effect(Call call, HttpExchange exchange) throws IOException {
        Optional<Answer> refusal = states.refusal(call);
        if (refusal.isPresent()) {
            return refusal.get();
        }
        if (call.action().equals("TerminateInstances")) {
            return terminate(call, exchange);
        }
        return tokens.once(call, () -> states.pass(call, forward(addresses.complete(call), exchange)));
    }

    /** Instances that were terminated before are answered for here: the emulator stumbles over them, EC2 does not. */
    private Answer terminate(Call call, HttpExchange exchange) throws IOException {
        Map<String, String> rest = new TreeMap<>();
        List<String> again = new ArrayList<>();
        int number = 0;
        for (String name : new TreeSet<>(call.parameters().keySet())) {
            String value = call.get(name);
            if (!name.startsWith("InstanceId.")) {
                rest.put(name, value);
            } else if (states.isTerminated(value)) {
                again.add(value);
            } else {
                rest.put("InstanceId." + ++number, value);
            }
        }
        if (number > 0) {
            Answer answer = states.pass(call, forward(new Call(call.action(), rest), exchange));
            if (answer.status() >= 300) {
                return answer;
            }
            for (int i = 1; i <= number; i++) {
                for (String nic : states.endingWith(rest.getOrDefault("InstanceId." + i, ""))) {
                    deleteInterface(nic, call, exchange);
                }
            }
            return new Answer(answer.status(), withItems(answer.body(), again));
        }
        return new Answer(
                200,
                withItems(
                        "<TerminateInstancesResponse><instancesSet></instancesSet></TerminateInstancesResponse>",
                        again));
    }

    /** The emulator forgets that an interface was told to go with its instance. */
    private void deleteInterface(String nic, Call terminate, HttpExchange exchange) throws IOException {
        Map<String, String> parameters = new TreeMap<>(Map.of(
                "Action", "DeleteNetworkInterface", "NetworkInterfaceId", nic, "Version", terminate.get("Version")));
        forward(new Call("DeleteNetworkInterface", parameters), exchange);
    }

    private static String withItems(String body, List<String> instances) {
        StringBuilder items = new StringBuilder();
        for (String id : instances) {
            items.append("<item><instanceId>")
                    .append(id)
                    .append("</instanceId><currentState><code>48</code><name>terminated</name></currentState>")
                    .append("<previousState><code>48</code><name>terminated</name></previousState></item>");
        }
        return body.replace("</instancesSet>", items + "</instancesSet>");
    }

    private Answer forward(Call call, HttpExchange exchange) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) target.resolve("/").toURL().openConnection(Proxy.NO_PROXY);
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        for (String header : List.of("Authorization", "X-Amz-Date", "X-Amz-Security-Token", "Content-Type")) {
            Optional.ofNullable(exchange.getRequestHeaders().getFirst(header))
                    .ifPresent(value -> connection.setRequestProperty(header, value));
        }
        byte[] form = call.form().getBytes(StandardCharsets.UTF_8);
        connection.setFixedLengthStreamingMode(form.length);
        try (var out = connection.getOutputStream()) {
            out.write(form);
        }
        int status = connection.getResponseCode();
        try (InputStream body = status >= 400 ? connection.getErrorStream() : connection.getInputStream()) {
            return new Answer(status, body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
