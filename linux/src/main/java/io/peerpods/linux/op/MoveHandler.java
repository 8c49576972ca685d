package io.peerpods.linux.op;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.LinkAddress;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.Rule;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.sys.Errno;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** {@link Op.Move}. Remembers name, MTU, state, addresses, routes and rules of the NIC where it was: the kernel forgets most of it, and
 * later ops of the plan change the rest where no op has looked before. */
record MoveHandler(Op.Move op) implements OpHandler {

    private static final String NAME = "name";
    private static final String UP = "up";
    private static final String MTU = "mtu";
    private static final String ADDRESSES = "addresses";
    private static final String ROUTES = "routes";
    private static final String RULES = "rules";

    // Links that take their hardware address from a NIC below them.
    private static final Set<String> COPIES = Set.of("bridge", "bond", "team", "vlan", "macvlan", "macvtap", "ipvlan");

    private Optional<Link> nic(OpContext context, NetnsRef where) {
        List<Link> found = context.find(where).stream()
                .flatMap(namespace -> namespace.rtnl().links().stream())
                .filter(link -> op.mac().equals(link.mac()) && !COPIES.contains(link.kind()))
                .toList();
        if (found.size() > 1) {
            throw new LinuxException(
                    "tell NICs with hardware address " + op.mac() + " in " + where + " apart: "
                            + found.stream().map(Link::name).collect(Collectors.joining(", ")),
                    Errno.EINVAL);
        }
        return found.stream().findFirst();
    }

    @Override
    public JsonObject before(OpContext context) {
        Optional<Link> nic = nic(context, op.ns());
        if (nic.isEmpty()) {
            return OpHandler.memory(nic(context, op.to()).isPresent());
        }
        OpenNamespace namespace = context.namespace(op.ns());
        Link link = nic.get();
        List<LinkAddress> addresses = namespace.rtnl().addresses().stream()
                .filter(address -> address.index() == link.index() && address.scope() != RouteScope.LINK)
                .toList();
        JsonObject json = new JsonObject();
        json.addProperty(NAME, link.name());
        OpCodec.flag(json, UP, link.up());
        json.addProperty(MTU, link.mtu());
        JsonArray prefixes = new JsonArray();
        addresses.forEach(address -> prefixes.add(address.prefix().toString()));
        json.add(ADDRESSES, prefixes);
        json.add(ROUTES, RouteMemory.write(routesBy(namespace, link), namespace.linksByIndex()));
        json.add(RULES, writeRules(rulesAbout(namespace, link, addresses)));
        return json;
    }

    /** What is not of the kernel's own making comes back with the addresses. */
    private static List<Route> routesBy(OpenNamespace namespace, Link link) {
        return namespace.rtnl().routes().stream()
                .filter(route -> route.link() == link.index()
                        && route.table() != Tables.LOCAL
                        && route.protocol() != Route.PROTOCOL_KERNEL)
                .sorted(Comparator.comparing((Route route) -> route.gateway() != null))
                .toList();
    }

    /** Rules for packets from the NIC's addresses, or that came by it: without it they lead nowhere. */
    private static List<Rule> rulesAbout(OpenNamespace namespace, Link link, List<LinkAddress> addresses) {
        Set<IpPrefix> own = addresses.stream()
                .map(address -> IpPrefix.of(address.prefix().address()))
                .collect(Collectors.toSet());
        return namespace.rtnl().rules().stream()
                .filter(rule -> (rule.from() != null && own.contains(rule.from()))
                        || rule.inputLink().equals(link.name()))
                .toList();
    }

    @Override
    public Optional<String> difference(OpContext context) {
        Optional<Link> arrived = nic(context, op.to());
        if (arrived.isPresent()) {
            String name = arrived.get().name();
            return name.equals(op.name()) ? Optional.empty() : Optional.of("it is there as " + name);
        }
        return Optional.of(nic(context, op.ns())
                .map(link -> "it is still in " + op.ns() + " as " + link.name())
                .orElse("there is no such NIC in either namespace"));
    }

    @Override
    public void perform(OpContext context, JsonObject before) {
        Optional<Link> arrived = nic(context, op.to());
        if (arrived.isPresent()) {
            RenameHandler.rename(context.namespace(op.to()), arrived.get(), op.name());
            return;
        }
        Link link = nic(context, op.ns())
                .orElseThrow(() -> new LinuxException(
                        "find the NIC with hardware address " + op.mac() + " in " + op.ns(), Errno.ENODEV));
        OpenNamespace namespace = context.namespace(op.ns());
        readRules(before).forEach(rule -> ignoring(() -> namespace.rtnl().deleteRule(rule), LinuxException::isGone));
        namespace
                .rtnl()
                .change(link.index())
                .netns(context.namespace(op.to()).netns())
                .name(op.name())
                .apply();
    }

    @Override
    public void undo(OpContext context, JsonObject before) {
        if (OpCodec.flag(before, SO) || !before.has(NAME)) {
            return;
        }
        String name = OpCodec.string(before, NAME);
        Optional<OpenNamespace> home = context.find(op.ns());
        if (home.isEmpty()) {
            return;
        }
        nic(context, op.to())
                .ifPresent(link -> context.namespace(op.to())
                        .rtnl()
                        .change(link.index())
                        .netns(home.get().netns())
                        .name(name)
                        .apply());
        Optional<Link> back = nic(context, op.ns());
        if (back.isEmpty()) {
            return; // the NIC itself is gone, and what spoke of it is of no use
        }
        if (!back.get().name().equals(name)) {
            RenameHandler.rename(home.get(), back.get(), name);
        }
        if (back.get().mtu() != OpCodec.number(before, MTU)) {
            home.get()
                    .rtnl()
                    .change(back.get().index())
                    .mtu(OpCodec.number(before, MTU))
                    .apply();
        }
        restore(home.get(), back.get().index(), before);
    }

    private static void restore(OpenNamespace namespace, int index, JsonObject before) {
        Rtnl rtnl = namespace.rtnl();
        for (JsonElement prefix : before.getAsJsonArray(ADDRESSES)) {
            IpPrefix address = IpPrefix.of(prefix.getAsString());
            ignoring(() -> rtnl.addAddress(index, address), LinuxException::isExisting);
        }
        if (OpCodec.flag(before, UP)) {
            rtnl.setUp(index);
            RouteMemory.read(before.getAsJsonArray(ROUTES), namespace)
                    .forEach(route -> ignoring(() -> rtnl.addRoute(route), LinuxException::isExisting));
        }
        readRules(before).forEach(rule -> ignoring(() -> rtnl.addRule(rule), LinuxException::isExisting));
    }

    private static void ignoring(Runnable request, Predicate<LinuxException> harmless) {
        try {
            request.run();
        } catch (LinuxException e) {
            if (!harmless.test(e)) {
                throw e;
            }
        }
    }

    private static JsonArray writeRules(List<Rule> rules) {
        JsonArray array = new JsonArray();
        for (Rule rule : rules) {
            JsonObject json = new JsonObject();
            OpCodec.flag(json, "ipv6", rule.ipv6());
            OpCodec.number(json, "priority", rule.priority());
            OpCodec.text(json, "from", rule.from());
            OpCodec.text(json, "to", rule.to());
            OpCodec.number(json, "table", rule.table());
            OpCodec.number(json, "action", rule.action());
            OpCodec.text(json, "inputLink", rule.inputLink());
            OpCodec.number(json, "mark", rule.mark());
            array.add(json);
        }
        return array;
    }

    private static List<Rule> readRules(JsonObject before) {
        if (!before.has(RULES)) {
            return List.of();
        }
        return before.getAsJsonArray(RULES).asList().stream()
                .map(JsonElement::getAsJsonObject)
                .map(json -> new Rule(
                        OpCodec.flag(json, "ipv6"),
                        OpCodec.number(json, "priority"),
                        OpCodec.optional(json, "from", IpPrefix::of),
                        OpCodec.optional(json, "to", IpPrefix::of),
                        OpCodec.number(json, "table"),
                        OpCodec.number(json, "action"),
                        OpCodec.string(json, "inputLink"),
                        OpCodec.number(json, "mark")))
                .toList();
    }
}
