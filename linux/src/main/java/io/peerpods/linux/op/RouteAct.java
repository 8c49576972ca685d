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
record RouteAct(Op.Route op) implements Act {

    private static final String ROUTES = "routes";

    // What IPv6 makes of "no metric", net/ipv6/ip6_fib.c.
    private static final int IPV6_DEFAULT_METRIC = 1024;

    private List<Route> toDestination(Space space) {
        return space.rtnl().routes().stream()
                .filter(route -> route.table() == op.table())
                .filter(route -> route.destination().equals(op.destination()))
                .toList();
    }

    /** Those whose place ours takes, or would have to take. */
    private List<Route> rivals(Space space) {
        return toDestination(space).stream()
                .filter(route -> !isWanted(space, route))
                .filter(route -> op.replace() || route.metric() == effectiveMetric())
                .toList();
    }

    private int effectiveMetric() {
        return op.metric() == 0 && !op.destination().isIpv4() ? IPV6_DEFAULT_METRIC : op.metric();
    }

    private boolean isWanted(Space space, Route route) {
        return route.type() == op.type()
                && route.metric() == effectiveMetric()
                && Objects.equals(route.gateway(), op.via())
                && (op.dev().isEmpty()
                        || space.link(op.dev())
                                .filter(link -> link.index() == route.link())
                                .isPresent())
                && (op.protocol() == 0 || op.protocol() == route.protocol())
                && (op.scope() == null || !op.destination().isIpv4() || op.scope() == route.scope())
                && op.onlink() == route.onlink()
                && op.metrics().equals(route.metrics())
                && (op.source() == null || op.source().equals(route.source()))
                && route.beyond().isEmpty();
    }

    private Route wanted(Space space) {
        RouteScope usual = op.type() == RouteType.UNICAST && op.via() == null ? RouteScope.LINK : RouteScope.UNIVERSE;
        return new Route(
                op.destination(),
                op.type(),
                op.table(),
                op.via(),
                op.dev().isEmpty() ? 0 : space.index(op.dev()),
                op.protocol() == 0 ? Route.PROTOCOL_STATIC : op.protocol(),
                op.scope() == null ? usual : op.scope(),
                op.metric(),
                op.onlink(),
                op.metrics(),
                op.source(),
                "");
    }

    @Override
    public JsonObject before(Scene scene) {
        Optional<Space> space = scene.find(op.ns());
        JsonObject json = Act.memory(space.isPresent() && difference(scene).isEmpty());
        space.ifPresent(there -> {
            List<Route> rivals = rivals(there);
            if (!rivals.isEmpty()) {
                json.add(ROUTES, RouteMemory.write(rivals, there.linksByIndex()));
            }
        });
        return json;
    }

    @Override
    public Optional<String> difference(Scene scene) {
        Optional<Space> found = scene.find(op.ns());
        if (found.isEmpty()) {
            return Optional.of("there is no such namespace");
        }
        Space space = found.get();
        List<Route> routes = toDestination(space);
        if (routes.stream().noneMatch(route -> isWanted(space, route))) {
            return Optional.of(routes.isEmpty() ? "there is no route to it" : "there is " + routes);
        }
        return op.replace() && routes.size() > 1 ? Optional.of("there are others too: " + routes) : Optional.empty();
    }

    @Override
    public void perform(Scene scene, JsonObject before) {
        Space space = scene.space(op.ns());
        Route wanted = wanted(space);
        if (op.replace()) {
            if (toDestination(space).stream().noneMatch(route -> isWanted(space, route))) {
                space.rtnl().replaceRoute(wanted);
            }
            rivals(space).forEach(rival -> deleteIfThere(space, rival));
        } else if (remembered(before).isEmpty()) {
            // The table had none with this metric: what is there now the kernel has made of one of our addresses.
            space.rtnl().replaceRoute(wanted);
        } else {
            space.rtnl().addRoute(wanted);
        }
    }

    private static JsonArray remembered(JsonObject before) {
        return before.has(ROUTES) ? before.getAsJsonArray(ROUTES) : new JsonArray();
    }

    @Override
    public void undo(Scene scene, JsonObject before) {
        if (OpCodec.flag(before, SO)) {
            return;
        }
        Optional<Space> found = scene.find(op.ns());
        if (found.isEmpty()) {
            return;
        }
        Space space = found.get();
        List<Route> old = op.replace() ? RouteMemory.read(remembered(before), space) : List.of();
        putBack(space, old);
        if (op.dev().isEmpty() || space.link(op.dev()).isPresent()) {
            toDestination(space).stream()
                    .filter(route -> isWanted(space, route))
                    .forEach(route -> deleteIfThere(space, route));
        }
    }

    /** One of the same metric takes our place; the others come beside it. */
    private void putBack(Space space, List<Route> old) {
        List<Route> there = toDestination(space);
        for (Route route : old) {
            if (there.contains(route)) {
                continue;
            }
            if (route.metric() == effectiveMetric()) {
                space.rtnl().replaceRoute(route);
                continue;
            }
            try {
                space.rtnl().addRoute(route);
            } catch (LinuxException e) {
                if (!e.isExisting()) {
                    throw e;
                }
            }
        }
    }

    private static void deleteIfThere(Space space, Route route) {
        try {
            space.rtnl().deleteRoute(route);
        } catch (LinuxException e) {
            if (!e.isGone()) {
                throw e;
            }
        }
    }
}
