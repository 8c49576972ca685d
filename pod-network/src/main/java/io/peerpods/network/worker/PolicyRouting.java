package io.peerpods.network.worker;

import io.peerpods.linux.netlink.Link;
import io.peerpods.linux.netlink.Route;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Rule;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodRoute;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What a pod's namespace has beside its main table: rules, and the tables that they lead to. A VM takes over the main table only. */
final class PolicyRouting {
    private static final int DEFAULT = 253;
    // Those that every namespace has: local, main, default.
    private static final Set<Integer> USUAL = Set.of(0, 32766, 32767);

    private PolicyRouting() {}

    /**
     * What of it the VM will not have and the pod's interface does not need: rules of further interfaces.
     *
     * @param routes of all tables
     * @throws PodNetworkException when packets of the pod's interface depend on another table
     */
    static Optional<String> check(String pod, Link link, List<Rule> rules, List<Route> routes)
            throws PodNetworkException {
        for (Route route : routes) {
            boolean needed = (route.link() == link.index() && route.type() == RouteType.UNICAST)
                    || PodRoute.REFUSALS.contains(route.type());
            boolean usual = route.table() == Tables.MAIN || route.table() == Tables.LOCAL;
            if (route.destination().isIpv4() && needed && !usual && isUsed(route.table(), rules)) {
                throw new PodNetworkException(pod + ": its route to " + route.destination() + " is in routing table "
                        + Integer.toUnsignedString(route.table()) + ", which "
                        + (route.table() == DEFAULT ? "is looked up after the main one" : "a rule leads to")
                        + ", and a VM takes over the main table only; let the CNI put the routes of " + link.name()
                        + " there");
            }
        }
        List<String> others = rules.stream()
                .filter(rule -> !rule.ipv6() && !isUsual(rule))
                .map(rule -> Integer.toUnsignedString(rule.priority()))
                .toList();
        return others.isEmpty()
                ? Optional.empty()
                : Optional.of(pod + ": the pod will not have its routing rules of priority " + String.join(", ", others)
                        + ", which do not lead to a table with routes by " + link.name());
    }

    private static boolean isUsed(int table, List<Rule> rules) {
        return rules.stream().anyMatch(rule -> !rule.ipv6() && rule.table() == table);
    }

    private static boolean isUsual(Rule rule) {
        return USUAL.contains(rule.priority()) && rule.from() == null && rule.to() == null;
    }
}
