package io.peerpods.linux.op;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.nft.NftRules;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Ops as JSON, for the journal: {@code fromJson(toJson(op))} equals {@code op}. What is absent, empty or zero is left out. */
final class OpCodec {

    private OpCodec() {}

    static JsonObject toJson(Op op) {
        JsonObject json = new JsonObject();
        switch (op) {
            case Op.Namespace _ -> json.addProperty("do", "namespace");
            case Op.Link link -> writeLink(json, link);
            case Op.Move move -> {
                json.addProperty("do", "move");
                json.addProperty("mac", move.mac().toString());
                json.addProperty("to", move.to().path());
                json.addProperty("name", move.name());
            }
            case Op.Rename rename -> {
                json.addProperty("do", "rename");
                json.addProperty("link", rename.link());
                json.addProperty("name", rename.name());
            }
            case Op.Mtu mtu -> {
                json.addProperty("do", "mtu");
                json.addProperty("link", mtu.link());
                json.addProperty("mtu", mtu.mtu());
            }
            case Op.Up up -> {
                json.addProperty("do", "up");
                json.addProperty("link", up.link());
            }
            case Op.Address address -> {
                json.addProperty("do", "address");
                json.addProperty("link", address.link());
                json.addProperty("prefix", address.prefix().toString());
                flag(json, "noConnectedRoute", !address.connectedRoute());
            }
            case Op.Route route -> writeRoute(json, route);
            case Op.Rule rule -> {
                json.addProperty("do", "rule");
                json.addProperty("priority", rule.priority());
                text(json, "from", rule.from());
                text(json, "to", rule.to());
                json.addProperty("table", rule.table());
            }
            case Op.Neighbour neighbour -> {
                json.addProperty("do", "neighbour");
                json.addProperty("dev", neighbour.dev());
                address(json, "ip", neighbour.ip());
                json.addProperty("mac", neighbour.mac().toString());
            }
            case Op.Fdb fdb -> {
                json.addProperty("do", "fdb");
                json.addProperty("dev", fdb.dev());
                json.addProperty("mac", fdb.mac().toString());
                address(json, "dst", fdb.dst());
                number(json, "port", fdb.port());
            }
            case Op.Redirect redirect -> {
                json.addProperty("do", "redirect");
                json.addProperty("from", redirect.from());
                json.addProperty("to", redirect.to());
            }
            case Op.Hairpin hairpin -> {
                json.addProperty("do", "hairpin");
                json.addProperty("from", hairpin.from());
                json.addProperty("to", hairpin.to());
                json.addProperty("mac", hairpin.mac().toString());
            }
            case Op.Nft nft -> writeNft(json, nft.rules());
            case Op.Sysctl sysctl -> {
                json.addProperty("do", "sysctl");
                json.addProperty("key", sysctl.key());
                json.addProperty("value", sysctl.value());
            }
        }
        if (!op.ns().isOwn()) {
            json.addProperty("ns", op.ns().path());
        }
        return json;
    }

    static Op fromJson(JsonObject json) {
        NetnsRef ns = NetnsRef.of(string(json, "ns"));
        String kind = string(json, "do");
        return switch (kind) {
            case "namespace" -> new Op.Namespace(ns);
            case "link" -> readLink(ns, json);
            case "move" ->
                new Op.Move(
                        ns, MacAddress.of(string(json, "mac")), NetnsRef.of(string(json, "to")), string(json, "name"));
            case "rename" -> new Op.Rename(ns, string(json, "link"), string(json, "name"));
            case "mtu" -> new Op.Mtu(ns, string(json, "link"), number(json, "mtu"));
            case "up" -> new Op.Up(ns, string(json, "link"));
            case "address" ->
                new Op.Address(
                        ns, string(json, "link"), IpPrefix.of(string(json, "prefix")), !flag(json, "noConnectedRoute"));
            case "route" -> readRoute(ns, json);
            case "rule" ->
                new Op.Rule(
                        ns,
                        number(json, "priority"),
                        optional(json, "from", IpPrefix::of),
                        optional(json, "to", IpPrefix::of),
                        number(json, "table"));
            case "neighbour" ->
                new Op.Neighbour(
                        ns,
                        string(json, "dev"),
                        IpAddresses.parse(string(json, "ip")),
                        MacAddress.of(string(json, "mac")));
            case "fdb" ->
                new Op.Fdb(
                        ns,
                        string(json, "dev"),
                        MacAddress.of(string(json, "mac")),
                        IpAddresses.parse(string(json, "dst")),
                        number(json, "port"));
            case "redirect" -> new Op.Redirect(ns, string(json, "from"), string(json, "to"));
            case "hairpin" ->
                new Op.Hairpin(ns, string(json, "from"), string(json, "to"), MacAddress.of(string(json, "mac")));
            case "nft" -> new Op.Nft(ns, readNft(json));
            case "sysctl" -> new Op.Sysctl(ns, string(json, "key"), string(json, "value"));
            default -> throw new IllegalArgumentException("op '" + kind + "' is not known");
        };
    }

    private static void writeLink(JsonObject json, Op.Link link) {
        json.addProperty("do", "link");
        json.addProperty("name", link.name());
        text(json, "mac", link.mac());
        number(json, "mtu", link.mtu());
        flag(json, "up", link.up());
        text(json, "master", link.master());
        switch (link.kind()) {
            case LinkKind.Bridge _ -> json.addProperty("kind", "bridge");
            case LinkKind.Veth veth -> {
                json.addProperty("kind", "veth");
                json.addProperty("peer", veth.peer());
                text(json, "peerNs", veth.peerNs().path());
            }
            case LinkKind.Vxlan vxlan -> {
                json.addProperty("kind", "vxlan");
                text(json, "underlay", vxlan.underlay().path());
                json.add("vxlan", writeVxlan(vxlan.attributes()));
            }
        }
    }

    private static Op.Link readLink(NetnsRef ns, JsonObject json) {
        String kind = string(json, "kind");
        LinkKind read = switch (kind) {
            case "bridge" -> new LinkKind.Bridge();
            case "veth" -> new LinkKind.Veth(string(json, "peer"), NetnsRef.of(string(json, "peerNs")));
            case "vxlan" ->
                new LinkKind.Vxlan(NetnsRef.of(string(json, "underlay")), readVxlan(json.getAsJsonObject("vxlan")));
            default -> throw new IllegalArgumentException("link kind '" + kind + "' is not known");
        };
        return new Op.Link(
                ns,
                string(json, "name"),
                read,
                optional(json, "mac", MacAddress::of),
                number(json, "mtu"),
                flag(json, "up"),
                string(json, "master"));
    }

    private static JsonObject writeVxlan(VxlanAttributes vxlan) {
        JsonObject json = new JsonObject();
        number(json, "vni", vxlan.vni());
        number(json, "port", vxlan.port());
        address(json, "remote", vxlan.remote());
        address(json, "local", vxlan.local());
        text(json, "device", vxlan.device());
        number(json, "sourcePortLow", vxlan.sourcePortLow());
        number(json, "sourcePortHigh", vxlan.sourcePortHigh());
        flag(json, "noLearning", !vxlan.learning());
        number(json, "ttl", vxlan.ttl());
        number(json, "tos", vxlan.tos());
        text(
                json,
                "df",
                vxlan.df() == VxlanAttributes.Df.UNSET ? "" : vxlan.df().name());
        flag(json, "udpChecksum", vxlan.udpChecksum());
        number(json, "ageing", vxlan.ageing());
        flag(json, "gbp", vxlan.gbp());
        flag(json, "external", vxlan.external());
        return json;
    }

    private static VxlanAttributes readVxlan(JsonObject json) {
        String df = string(json, "df");
        return new VxlanAttributes(
                number(json, "vni"),
                number(json, "port"),
                optional(json, "remote", IpAddresses::parse),
                optional(json, "local", IpAddresses::parse),
                string(json, "device"),
                number(json, "sourcePortLow"),
                number(json, "sourcePortHigh"),
                !flag(json, "noLearning"),
                number(json, "ttl"),
                number(json, "tos"),
                df.isEmpty() ? VxlanAttributes.Df.UNSET : VxlanAttributes.Df.valueOf(df),
                flag(json, "udpChecksum"),
                number(json, "ageing"),
                flag(json, "gbp"),
                flag(json, "external"));
    }

    private static void writeRoute(JsonObject json, Op.Route route) {
        json.addProperty("do", "route");
        json.addProperty("table", route.table());
        json.addProperty("destination", route.destination().toString());
        address(json, "via", route.via());
        text(json, "dev", route.dev());
        json.addProperty("type", route.type().name());
        number(json, "protocol", route.protocol());
        text(json, "scope", route.scope() == null ? "" : route.scope().name());
        number(json, "metric", route.metric());
        flag(json, "onlink", route.onlink());
        metrics(json, route.metrics());
        address(json, "source", route.source());
        flag(json, "replace", route.replace());
    }

    private static Op.Route readRoute(NetnsRef ns, JsonObject json) {
        return new Op.Route(
                ns,
                number(json, "table"),
                IpPrefix.of(string(json, "destination")),
                optional(json, "via", IpAddresses::parse),
                string(json, "dev"),
                RouteType.valueOf(string(json, "type")),
                number(json, "protocol"),
                optional(json, "scope", RouteScope::valueOf),
                number(json, "metric"),
                flag(json, "onlink"),
                metrics(json),
                optional(json, "source", IpAddresses::parse),
                flag(json, "replace"));
    }

    /** Each metric under its name: journals of earlier versions have the MTU in this way. */
    static void metrics(JsonObject json, RouteMetrics metrics) {
        metrics.byName().forEach(json::addProperty);
    }

    static RouteMetrics metrics(JsonObject json) {
        RouteMetrics metrics = RouteMetrics.NONE;
        for (String key : json.keySet()) {
            Optional<Integer> number = RouteMetrics.number(key);
            if (number.isPresent()) {
                metrics = metrics.with(number.get(), number(json, key));
            }
        }
        return metrics;
    }

    private static void writeNft(JsonObject json, NftRules rules) {
        json.addProperty("do", "nft");
        json.addProperty("family", rules.family());
        json.addProperty("table", rules.table());
        JsonArray chains = new JsonArray();
        for (NftRules.Chain chain : rules.chains()) {
            JsonObject item = new JsonObject();
            item.addProperty("name", chain.name());
            item.addProperty("type", chain.type());
            item.addProperty("hook", chain.hook());
            item.addProperty("priority", chain.priority());
            chains.add(item);
        }
        json.add("chains", chains);
        JsonArray sets = new JsonArray();
        for (NftRules.AddressSet set : rules.sets()) {
            JsonObject item = new JsonObject();
            item.addProperty("name", set.name());
            flag(item, "ipv4", set.ipv4());
            item.addProperty("size", set.size());
            item.addProperty("seconds", set.seconds());
            sets.add(item);
        }
        if (!sets.isEmpty()) {
            json.add("sets", sets);
        }
        JsonArray texts = new JsonArray();
        for (NftRules.Rule rule : rules.rules()) {
            JsonObject item = new JsonObject();
            item.addProperty("chain", rule.chain());
            item.addProperty("text", rule.text());
            texts.add(item);
        }
        json.add("rules", texts);
    }

    private static NftRules readNft(JsonObject json) {
        List<NftRules.Chain> chains = new ArrayList<>();
        for (JsonElement element : json.getAsJsonArray("chains")) {
            JsonObject item = element.getAsJsonObject();
            chains.add(new NftRules.Chain(
                    string(item, "name"), string(item, "type"), string(item, "hook"), number(item, "priority")));
        }
        List<NftRules.Rule> rules = new ArrayList<>();
        for (JsonElement element : json.getAsJsonArray("rules")) {
            JsonObject item = element.getAsJsonObject();
            rules.add(new NftRules.Rule(string(item, "chain"), string(item, "text")));
        }
        return new NftRules(string(json, "family"), string(json, "table"), chains, readSets(json), rules);
    }

    private static List<NftRules.AddressSet> readSets(JsonObject json) {
        List<NftRules.AddressSet> sets = new ArrayList<>();
        if (json.has("sets")) {
            for (JsonElement element : json.getAsJsonArray("sets")) {
                JsonObject item = element.getAsJsonObject();
                sets.add(new NftRules.AddressSet(
                        string(item, "name"), flag(item, "ipv4"), number(item, "size"), number(item, "seconds")));
            }
        }
        return sets;
    }

    static void text(JsonObject json, String key, @Nullable Object value) {
        if (value != null && !value.toString().isEmpty()) {
            json.addProperty(key, value.toString());
        }
    }

    static void address(JsonObject json, String key, @Nullable InetAddress value) {
        if (value != null) {
            json.addProperty(key, IpAddresses.text(value));
        }
    }

    static void number(JsonObject json, String key, int value) {
        if (value != 0) {
            json.addProperty(key, value);
        }
    }

    static void flag(JsonObject json, String key, boolean value) {
        if (value) {
            json.addProperty(key, true);
        }
    }

    static String string(JsonObject json, String key) {
        JsonElement value = json.get(key);
        return value == null ? "" : value.getAsString();
    }

    static int number(JsonObject json, String key) {
        JsonElement value = json.get(key);
        return value == null ? 0 : value.getAsInt();
    }

    static boolean flag(JsonObject json, String key) {
        JsonElement value = json.get(key);
        return value != null && value.getAsBoolean();
    }

    static <T> @Nullable T optional(JsonObject json, String key, Function<String, T> parse) {
        String text = string(json, key);
        return text.isEmpty() ? null : parse.apply(text);
    }
}
