package io.peerpods.linux.op;

import io.peerpods.linux.IpAddresses;

/** Ops in words, for errors and reports. */
final class OpText {

    private OpText() {}

    static String describe(Op op) {
        String what = switch (op) {
            case Op.Namespace _ -> "namespace";
            case Op.Link link -> kind(link.kind()) + " " + link.name();
            case Op.Move move -> "NIC " + move.mac() + " moved to " + move.to() + " as " + move.name();
            case Op.Rename rename -> "link " + rename.link() + " renamed to " + rename.name();
            case Op.Mtu mtu -> "MTU " + mtu.mtu() + " of " + mtu.link();
            case Op.Up up -> "link " + up.link() + " up";
            case Op.Address address -> "address " + address.prefix() + " on " + address.link();
            case Op.Route route -> route(route);
            case Op.Rule rule -> rule(rule);
            case Op.Neighbour neighbour ->
                "neighbour " + IpAddresses.text(neighbour.ip()) + " at " + neighbour.mac() + " on " + neighbour.dev();
            case Op.Fdb fdb -> "FDB entry " + fdb.mac() + " to " + IpAddresses.text(fdb.dst()) + " on " + fdb.dev();
            case Op.Redirect redirect -> "redirect " + redirect.from() + " to " + redirect.to();
            case Op.Hairpin hairpin ->
                "hairpin frames of " + hairpin.mac() + " from " + hairpin.from() + " to " + hairpin.to();
            case Op.Nft nft ->
                "nft rules in table " + nft.rules().family() + " " + nft.rules().table();
            case Op.Sysctl sysctl -> "setting " + sysctl.key() + " = " + sysctl.value();
        };
        return what + " in " + op.ns();
    }

    private static String kind(LinkKind kind) {
        return switch (kind) {
            case LinkKind.Veth _ -> "veth";
            case LinkKind.Bridge _ -> "bridge";
            case LinkKind.Vxlan _ -> "vxlan";
        };
    }

    private static String route(Op.Route route) {
        StringBuilder text = new StringBuilder("route ")
                .append(
                        route.destination().isDefault()
                                ? "default"
                                : route.destination().toString());
        if (route.via() != null) {
            text.append(" via ").append(IpAddresses.text(route.via()));
        }
        if (!route.dev().isEmpty()) {
            text.append(" dev ").append(route.dev());
        }
        switch (route.type()) {
            case UNICAST -> {}
            default -> text.append(" (").append(route.type()).append(')');
        }
        return text.append(" in table ")
                .append(Integer.toUnsignedString(route.table()))
                .toString();
    }

    private static String rule(Op.Rule rule) {
        StringBuilder text = new StringBuilder("rule ").append(rule.priority());
        text.append(" from ").append(rule.from() == null ? "all" : rule.from());
        if (rule.to() != null) {
            text.append(" to ").append(rule.to());
        }
        return text.append(" lookup ")
                .append(Integer.toUnsignedString(rule.table()))
                .toString();
    }
}
