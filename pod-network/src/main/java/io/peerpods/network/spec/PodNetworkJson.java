package io.peerpods.network.spec;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteType;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * {@link PodNetworkSpec} as JSON. The existing system's peculiarities: a list without elements is {@code null}; an address that is
 * not set is an empty string; an IPv4 prefix may be IPv4-mapped with its length still in IPv4 bits; protocol and scope are left
 * out when they are 0. Our own keys are optional and left out when they say nothing.
 */
final class PodNetworkJson {
    private static final int MAX_ENTRIES = 10_000;
    private static final Pattern DIGITS = Pattern.compile("[0-9]{1,18}");

    private PodNetworkJson() {}

    static JsonObject write(PodNetworkSpec spec) {
        JsonObject json = new JsonObject();
        json.addProperty("podip", spec.pod().addresses().getFirst().toString());
        json.addProperty("pod-hw-addr", spec.pod().mac().toString());
        json.addProperty("interface", spec.pod().name());
        json.addProperty("worker-node-ip", spec.worker().toString());
        json.addProperty("tunnel-type", spec.tunnelType());
        json.add(
                "routes",
                array(spec.routes().stream().filter(route -> !route.isRefusal()).toList(), PodNetworkJson::write));
        json.add("neighbors", array(spec.neighbours(), PodNetworkJson::write));
        json.addProperty("mtu", spec.pod().mtu());
        json.addProperty("index", spec.index());
        json.addProperty("vxlan-port", spec.vxlanPort());
        json.addProperty("vxlan-id", spec.vxlanId());
        json.addProperty("dedicated", spec.dedicated());
        json.addProperty("external-net-via-pod-vm", spec.externalNetwork());
        writeOptions(json, spec);
        return json;
    }

    private static void writeOptions(JsonObject json, PodNetworkSpec spec) {
        List<IpPrefix> addresses = spec.pod().addresses();
        if (addresses.size() > 1) {
            json.add(
                    "more-pod-ips",
                    array(addresses.subList(1, addresses.size()), a -> new JsonPrimitive(a.toString())));
        }
        // In a list of their own: the existing forwarder would take them for routes on the link.
        List<PodRoute> refusals =
                spec.routes().stream().filter(PodRoute::isRefusal).toList();
        if (!refusals.isEmpty()) {
            json.add("refused-routes", array(refusals, PodNetworkJson::writeRefusal));
        }
        if (!spec.bridged()) {
            json.addProperty("bridged", false);
        }
        PodNetworkSpec.Options options = spec.options();
        if (options.apiService() != null) {
            json.addProperty("api-service-ip", IpAddresses.text(options.apiService()));
        }
        if (options.tunnelMtu() != 0) {
            json.addProperty("tunnel-mtu", options.tunnelMtu());
        }
        if (options.publicUnderlay()) {
            json.addProperty("public-underlay", true);
        }
        if (options.allowPodMetadata()) {
            json.addProperty("allow-pod-metadata", true);
        }
    }

    private static JsonObject write(PodRoute route) {
        JsonObject json = new JsonObject();
        json.addProperty("dst", route.destination().toString());
        json.addProperty("gw", route.via() == null ? "" : IpAddresses.text(route.via()));
        json.addProperty("dev", route.dev());
        if (!route.protocol().isEmpty()) {
            json.addProperty("protocol", route.protocol());
        }
        if (!route.scope().isEmpty()) {
            json.addProperty("scope", route.scope());
        }
        if (route.metric() != 0) {
            json.addProperty("metric", Integer.toUnsignedLong(route.metric()));
        }
        if (route.onlink()) {
            json.addProperty("onlink", true);
        }
        if (route.source() != null) {
            json.addProperty("src", IpAddresses.text(route.source()));
        }
        if (!route.metrics().isEmpty()) {
            JsonObject metrics = new JsonObject();
            route.metrics().byName().forEach((name, value) -> metrics.addProperty(name, Integer.toUnsignedLong(value)));
            json.add("metrics", metrics);
        }
        return json;
    }

    private static JsonObject writeRefusal(PodRoute route) {
        JsonObject json = new JsonObject();
        json.addProperty("dst", route.destination().toString());
        json.addProperty("type", route.type().toString());
        if (route.metric() != 0) {
            json.addProperty("metric", Integer.toUnsignedLong(route.metric()));
        }
        return json;
    }

    private static JsonObject write(PodNeighbour neighbour) {
        JsonObject json = new JsonObject();
        json.addProperty("ip", IpAddresses.text(neighbour.ip()));
        json.addProperty("hw-addr", neighbour.mac().toString());
        json.addProperty("dev", neighbour.dev());
        json.addProperty("state", neighbour.state());
        return json;
    }

    private static <T> JsonElement array(List<T> values, Function<T, JsonElement> write) {
        if (values.isEmpty()) {
            return JsonNull.INSTANCE;
        }
        JsonArray array = new JsonArray();
        values.forEach(value -> array.add(write.apply(value)));
        return array;
    }

    static PodNetworkSpec read(JsonObject json) throws PodNetworkException {
        try {
            List<IpPrefix> addresses = new ArrayList<>();
            addresses.add(IpPrefix.of(text(json, "podip")));
            for (JsonElement more : list(json, "more-pod-ips")) {
                addresses.add(IpPrefix.of(more.getAsString()));
            }
            PodInterface pod = new PodInterface(
                    text(json, "interface"),
                    MacAddress.of(text(json, "pod-hw-addr")),
                    number(json, "mtu", 0),
                    addresses);
            int port = number(json, "vxlan-port", 0);
            return new PodNetworkSpec(
                    pod,
                    IpPrefix.of(text(json, "worker-node-ip")),
                    text(json, "tunnel-type"),
                    routes(json, pod),
                    neighbours(json),
                    number(json, "index", 0),
                    port == 0 ? PodNetworkSpec.DEFAULT_VXLAN_PORT : port,
                    number(json, "vxlan-id", 0),
                    flag(json, "dedicated"),
                    flag(json, "external-net-via-pod-vm"),
                    !json.has("bridged") || flag(json, "bridged"),
                    options(json));
        } catch (IllegalArgumentException | IllegalStateException | UnsupportedOperationException e) {
            throw new PodNetworkException("pod-network: " + e.getMessage(), e);
        }
    }

    private static PodNetworkSpec.Options options(JsonObject json) {
        String apiService = optionalText(json, "api-service-ip");
        return new PodNetworkSpec.Options(
                apiService.isEmpty() ? null : IpAddresses.parse(apiService),
                number(json, "tunnel-mtu", 0),
                flag(json, "public-underlay"),
                flag(json, "allow-pod-metadata"));
    }

    private static List<PodRoute> routes(JsonObject json, PodInterface pod) {
        List<PodRoute> routes = new ArrayList<>();
        for (JsonElement element : list(json, "routes")) {
            JsonObject route = element.getAsJsonObject();
            String gateway = optionalText(route, "gw");
            String destination = optionalText(route, "dst");
            InetAddress via = gateway.isEmpty() ? null : IpAddresses.parse(gateway);
            String source = optionalText(route, "src");
            PodRoute plain = new PodRoute(
                    destination.isEmpty() ? everywhere(via, pod) : IpPrefix.of(destination),
                    via,
                    text(route, "dev"),
                    optionalText(route, "protocol"),
                    optionalText(route, "scope"),
                    metric(route),
                    flag(route, "onlink"));
            routes.add(plain.with(source.isEmpty() ? null : IpAddresses.parse(source), metrics(route)));
        }
        for (JsonElement element : list(json, "refused-routes")) {
            JsonObject route = element.getAsJsonObject();
            routes.add(PodRoute.refusal(
                    IpPrefix.of(text(route, "dst")),
                    RouteType.valueOf(text(route, "type").toUpperCase(Locale.ROOT)),
                    metric(route)));
        }
        return routes;
    }

    /** Those that a later version may know besides are passed over. */
    private static RouteMetrics metrics(JsonObject route) {
        JsonElement value = route.get("metrics");
        RouteMetrics metrics = RouteMetrics.NONE;
        if (value == null || value.isJsonNull()) {
            return metrics;
        }
        for (Map.Entry<String, JsonElement> entry : value.getAsJsonObject().entrySet()) {
            Optional<Integer> number = RouteMetrics.number(entry.getKey());
            if (number.isPresent()) {
                metrics = metrics.with(number.get(), (int) whole(entry.getKey(), entry.getValue(), 0xffffffffL));
            }
        }
        return metrics;
    }

    // A destination that is not set is the default route's, of the gateway's family or the pod's.
    private static IpPrefix everywhere(@Nullable InetAddress via, PodInterface pod) {
        boolean ipv4 = via == null ? pod.addresses().getFirst().isIpv4() : IpAddresses.isIpv4(via);
        return ipv4 ? IpPrefix.IPV4_DEFAULT : IpPrefix.IPV6_DEFAULT;
    }

    private static List<PodNeighbour> neighbours(JsonObject json) {
        List<PodNeighbour> neighbours = new ArrayList<>();
        for (JsonElement element : list(json, "neighbors")) {
            JsonObject neighbour = element.getAsJsonObject();
            neighbours.add(new PodNeighbour(
                    IpAddresses.parse(text(neighbour, "ip")),
                    MacAddress.of(text(neighbour, "hw-addr")),
                    text(neighbour, "dev"),
                    optionalText(neighbour, "state")));
        }
        return neighbours;
    }

    private static List<JsonElement> list(JsonObject json, String key) {
        JsonElement value = json.get(key);
        if (value == null || value.isJsonNull()) {
            return List.of();
        }
        if (!(value instanceof JsonArray array) || array.size() > MAX_ENTRIES) {
            throw new IllegalArgumentException("\"" + key + "\" is not a list of at most " + MAX_ENTRIES + " elements");
        }
        return array.asList();
    }

    private static String text(JsonObject json, String key) {
        String text = optionalText(json, key);
        if (text.isEmpty()) {
            throw new IllegalArgumentException("\"" + key + "\" is missing");
        }
        return text;
    }

    private static String optionalText(JsonObject json, String key) {
        JsonElement value = json.get(key);
        if (value == null || value.isJsonNull()) {
            return "";
        }
        if (value instanceof JsonPrimitive primitive && primitive.isString()) {
            return primitive.getAsString();
        }
        throw new IllegalArgumentException("\"" + key + "\" is not a string");
    }

    private static int number(JsonObject json, String key, int otherwise) {
        JsonElement value = json.get(key);
        return value == null || value.isJsonNull() ? otherwise : Math.toIntExact(whole(key, value, Integer.MAX_VALUE));
    }

    private static int metric(JsonObject route) {
        JsonElement value = route.get("metric");
        return value == null ? 0 : (int) whole("metric", value, 0xffffffffL);
    }

    private static long whole(String key, JsonElement value, long greatest) {
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            try {
                String text = primitive.getAsString();
                // Go's encoder writes whole numbers without a point; BigDecimal computes large tables when it is first
                // used.
                long number =
                        DIGITS.matcher(text).matches() ? Long.parseLong(text) : new BigDecimal(text).longValueExact();
                if (number >= 0 && number <= greatest) {
                    return number;
                }
            } catch (ArithmeticException | NumberFormatException e) {
                throw new IllegalArgumentException("\"" + key + "\" is not a whole number", e);
            }
        }
        throw new IllegalArgumentException("\"" + key + "\" is not a number from 0 to " + greatest);
    }

    private static boolean flag(JsonObject json, String key) {
        JsonElement value = json.get(key);
        if (value == null || value.isJsonNull()) {
            return false;
        }
        if (value instanceof JsonPrimitive primitive && primitive.isBoolean()) {
            return primitive.getAsBoolean();
        }
        throw new IllegalArgumentException("\"" + key + "\" is neither true nor false");
    }
}
