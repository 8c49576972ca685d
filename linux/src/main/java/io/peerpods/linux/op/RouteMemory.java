package io.peerpods.linux.op;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;

/** Kernel routes as JSON, with link names for link numbers: a link that has moved away and back has another number. */
final class RouteMemory {

    private RouteMemory() {}

    static JsonArray write(List<Route> routes, Map<Integer, Link> links) {
        JsonArray array = new JsonArray();
        for (Route route : routes) {
            JsonObject json = new JsonObject();
            json.addProperty("destination", route.destination().toString());
            json.addProperty("type", route.type().name());
            json.addProperty("table", route.table());
            OpCodec.address(json, "gateway", route.gateway());
            Link link = links.get(route.link());
            OpCodec.text(json, "link", link == null ? "" : link.name());
            OpCodec.number(json, "protocol", route.protocol());
            json.addProperty("scope", route.scope().name());
            OpCodec.number(json, "metric", route.metric());
            OpCodec.flag(json, "onlink", route.onlink());
            OpCodec.metrics(json, route.metrics());
            OpCodec.address(json, "source", route.source());
            array.add(json);
        }
        return array;
    }

    /** The routes whose links are still there. */
    static List<Route> read(JsonArray array, OpenNamespace namespace) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .flatMap(json -> read(json, namespace).stream())
                .toList();
    }

    private static Optional<Route> read(JsonObject json, OpenNamespace namespace) {
        String name = OpCodec.string(json, "link");
        Optional<Integer> index =
                name.isEmpty() ? Optional.of(0) : namespace.link(name).map(Link::index);
        return index.map(link -> new Route(
                IpPrefix.of(OpCodec.string(json, "destination")),
                RouteType.valueOf(OpCodec.string(json, "type")),
                OpCodec.number(json, "table"),
                OpCodec.optional(json, "gateway", IpAddresses::parse),
                link,
                OpCodec.number(json, "protocol"),
                RouteScope.valueOf(OpCodec.string(json, "scope")),
                OpCodec.number(json, "metric"),
                OpCodec.flag(json, "onlink"),
                OpCodec.metrics(json),
                OpCodec.optional(json, "source", IpAddresses::parse),
                ""));
    }
}
