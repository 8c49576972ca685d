package io.peerpods.linux.op;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * {@link Op.Route}. One that replaces puts itself in place of the others in one request and removes the rest after that; its undo puts
 * the first of them back in the same way. So there is a route to the destination at any moment.
 */
record RouteHandler(Op.Route op) implements OpHandler {

    private static final String ROUTES = "routes";

    // What IPv6 makes of "no metric", net/ipv6/ip6_fib.c.
    private static final int IPV6_DEFAULT_METRIC = 1024;

    private List<Route> toDestination(OpenNamespace namespace) {
        return namespace.rtnl().routes().stream()
                .filter(route -> route.table() == op.table())
                .filter(route -> route.destination().equals(op.destination()))
                .toList();
    }

    /** Those whose place ours takes, or would have to take. */
    private List<Route> rivals(OpenNamespace namespace) {
        return toDestination(namespace).stream()
                .filter(route -> !isWanted(namespace, route))
                .filter(route -> op.replace() || route.metric() == effectiveMetric())
                .toList();
    }

    private int effectiveMetric() {
        return op.metric() == 0 && !op.destination().isIpv4() ? IPV6_DEFAULT_METRIC : op.metric();
    }

    private boolean isWanted(OpenNamespace namespace, Route route) {
        return route.type() == op.type()
                && route.metric() == effectiveMetric()
                && Objects.equals(route.gateway(), op.via())
                && (op.dev().isEmpty()
                        || namespace
                                .link(op.dev())
                                .filter(link -> link.index() == route.link())
                                .isPresent())
                && (op.protocol() == 0 || op.protocol() == route.protocol())
                && (op.scope() == null || !op.destination().isIpv4() || op.scope() == route.scope())
                && op.onlink() == route.onlink()
                && op.metrics().equals(route.metrics())
                && (op.source() == null || op.source().equals(route.source()))
                && route.beyond().isEmpty();
    }

    private Route wanted(OpenNamespace namespace) {
        RouteScope usual = op.type() == RouteType.UNICAST && op.via() == null ? RouteScope.LINK : RouteScope.UNIVERSE;
        return new Route(
                op.destination(),
                op.type(),
                op.table(),
                op.via(),
                op.dev().isEmpty() ? 0 : namespace.index(op.dev()),
                op.protocol() == 0 ? Route.PROTOCOL_STATIC : op.protocol(),
                op.scope() == null ? usual : op.scope(),
                op.metric(),
                op.onlink(),
                op.metrics(),
                op.source(),
                "");
    }

    @Override
    public JsonObject before(OpContext context) {
        Optional<OpenNamespace> namespace = context.find(op.ns());
        JsonObject json =
                OpHandler.memory(namespace.isPresent() && difference(context).isEmpty());
        namespace.ifPresent(there -> {
            List<Route> rivals = rivals(there);
            if (!rivals.isEmpty()) {
                json.add(ROUTES, RouteMemory.write(rivals, there.linksByIndex()));
            }
        });
        return json;
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<OpenNamespace> found = context.find(op.ns());
        if (found.isEmpty()) {
            return Optional.of("there is no such namespace");
        }
        OpenNamespace namespace = found.get();
        List<Route> routes = toDestination(namespace);
        if (routes.stream().noneMatch(route -> isWanted(namespace, route))) {
            return Optional.of(routes.isEmpty() ? "there is no route to it" : "there is " + routes);
        }
        return op.replace() && routes.size() > 1 ? Optional.of("there are others too: " + routes) : Optional.empty();
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        OpenNamespace namespace = context.namespace(op.ns());
        Route wanted = wanted(namespace);
        if (op.replace()) {
            if (toDestination(namespace).stream().noneMatch(route -> isWanted(namespace, route))) {
                namespace.rtnl().replaceRoute(wanted);
            }
            rivals(namespace).forEach(rival -> deleteIfThere(namespace, rival));
        } else if (remembered(before).isEmpty()) {
            // The table had none with this metric: what is there now the kernel has made of one of our addresses.
            namespace.rtnl().replaceRoute(wanted);
        } else {
            namespace.rtnl().addRoute(wanted);
        }
    }

    private static JsonArray remembered(JsonObject before) {
        return before.has(ROUTES) ? before.getAsJsonArray(ROUTES) : new JsonArray();
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (OpCodec.flag(before, SO)) {
            return;
        }
        Optional<OpenNamespace> found = context.find(op.ns());
        if (found.isEmpty()) {
            return;
        }
        OpenNamespace namespace = found.get();
        List<Route> old = op.replace() ? RouteMemory.read(remembered(before), namespace) : List.of();
        putBack(namespace, old);
        if (op.dev().isEmpty() || namespace.link(op.dev()).isPresent()) {
            toDestination(namespace).stream()
                    .filter(route -> isWanted(namespace, route))
                    .forEach(route -> deleteIfThere(namespace, route));
        }
    }

    /** One of the same metric takes our place; the others come beside it. */
    private void putBack(OpenNamespace namespace, List<Route> old) {
        List<Route> there = toDestination(namespace);
        for (Route route : old) {
            if (there.contains(route)) {
                continue;
            }
            if (route.metric() == effectiveMetric()) {
                namespace.rtnl().replaceRoute(route);
                continue;
            }
            try {
                namespace.rtnl().addRoute(route);
            } catch (LinuxException e) {
                if (!e.isExisting()) {
                    throw e;
                }
            }
        }
    }

    private static void deleteIfThere(OpenNamespace namespace, Route route) {
        try {
            namespace.rtnl().deleteRoute(route);
        } catch (LinuxException e) {
            if (!e.isGone()) {
                throw e;
            }
        }
    }
}
