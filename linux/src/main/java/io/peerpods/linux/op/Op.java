package io.peerpods.linux.op;

import static java.util.Objects.requireNonNull;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.nft.NftRules;
import java.net.InetAddress;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One network change, as a value: where ({@link #ns}), and what shall be so. It says nothing about how; the {@link Executor} knows for
 * each whether it is already so, how to make it so, and how to put back what was there before.
 *
 * <p>Links are named, not numbered: a name is what a plan can know before the link exists.
 */
public sealed interface Op {

    /** The namespace the op acts in. */
    NetnsRef ns();

    /** One line for errors and reports: what shall be so, on what, where. */
    default String describe() {
        return OpText.describe(this);
    }

    /** A named network namespace exists, with lo up. Undo removes it if the plan made it. */
    record Namespace(NetnsRef ns) implements Op {
        public Namespace {
            if (ns.isOwn()) {
                throw new IllegalArgumentException("the daemon's own namespace cannot be made");
            }
        }
    }

    /**
     * A virtual link of this kind exists and carries the plan's owner as its alias.
     *
     * @param mac null for one that the kernel chooses
     * @param mtu 0 for what the kernel chooses
     * @param master name of the bridge that it is a port of, or empty
     */
    record Link(
            NetnsRef ns,
            String name,
            LinkKind kind,
            @Nullable MacAddress mac,
            int mtu,
            boolean up,
            String master) implements Op {
        public Link {
            requireLinkName(name);
            requireNonNull(kind, "kind");
            requireMtu(mtu);
            if (!master.isEmpty()) {
                requireLinkName(master);
            }
        }

        public Link(NetnsRef ns, String name, LinkKind kind, @Nullable MacAddress mac, int mtu, boolean up) {
            this(ns, name, kind, mac, mtu, up, "");
        }
    }

    /**
     * The NIC with this hardware address is in {@link #to} under this name. The move costs it addresses, routes and up-state, so later
     * ops of the plan set them again; rules in the old namespace that name its addresses go with it. Undo moves it back under its old
     * name and puts back what it had there.
     */
    record Move(NetnsRef ns, MacAddress mac, NetnsRef to, String name) implements Op {
        public Move {
            requireNonNull(mac, "mac");
            requireNonNull(to, "to");
            requireLinkName(name);
        }
    }

    /** The link that was called {@code link} is called {@code name}. */
    record Rename(NetnsRef ns, String link, String name) implements Op {
        public Rename {
            requireLinkName(link);
            requireLinkName(name);
        }
    }

    /** The link has this MTU. */
    record Mtu(NetnsRef ns, String link, int mtu) implements Op {
        public Mtu {
            requireLinkName(link);
            requireMtu(mtu);
        }
    }

    /** The link is up. */
    record Up(NetnsRef ns, String link) implements Op {
        public Up {
            requireLinkName(link);
        }
    }

    /**
     * The link has this address.
     *
     * @param connectedRoute whether the kernel makes the route to the prefix, as it usually does
     */
    record Address(NetnsRef ns, String link, IpPrefix prefix, boolean connectedRoute) implements Op {
        public Address {
            requireLinkName(link);
            requireNonNull(prefix, "prefix");
        }

        public Address(NetnsRef ns, String link, IpPrefix prefix) {
            this(ns, link, prefix, true);
        }
    }

    /**
     * The table has this route.
     *
     * @param table number of the routing table; {@link Tables#MAIN} is the usual one
     * @param destination a network; length 0 is a default route
     * @param via gateway, or null
     * @param dev link name, or empty where the type has none
     * @param protocol rtnetlink protocol number (RTPROT_*), 0 for any: then the route is made as "static"
     * @param scope null for the usual one of the route
     * @param metric 0 for the kernel's default
     * @param onlink the gateway is reached on the link though no route says so
     * @param metrics the route's MTU and what else TCP and path MTU discovery look at
     * @param source preferred source address, which the namespace has; null for any
     * @param replace takes the place of every other route of the table to the destination in one step, so that there is one at any
     *     moment
     */
    record Route(
            NetnsRef ns,
            int table,
            IpPrefix destination,
            @Nullable InetAddress via,
            String dev,
            RouteType type,
            int protocol,
            @Nullable RouteScope scope,
            int metric,
            boolean onlink,
            RouteMetrics metrics,
            @Nullable InetAddress source,
            boolean replace)
            implements Op {
        public Route {
            requireTable(table);
            requireNonNull(type, "type");
            requireNonNull(metrics, "metrics");
            if (!destination.equals(destination.network())) {
                throw new IllegalArgumentException("a route's destination has no host bits: " + destination);
            }
            if (!dev.isEmpty()) {
                requireLinkName(dev);
            }
            if (type == RouteType.UNICAST && via == null && dev.isEmpty()) {
                throw new IllegalArgumentException("route to " + destination + " has neither gateway nor link");
            }
        }

        /** To the destination by a link, with a gateway unless that is null, in the main table. */
        public static Route unicast(NetnsRef ns, IpPrefix destination, @Nullable InetAddress via, String dev) {
            return new Route(
                    ns,
                    Tables.MAIN,
                    destination,
                    via,
                    dev,
                    RouteType.UNICAST,
                    0,
                    null,
                    0,
                    false,
                    RouteMetrics.NONE,
                    null,
                    false);
        }

        /** No way to the destination: {@link RouteType#PROHIBIT}, {@link RouteType#UNREACHABLE} or {@link RouteType#BLACKHOLE}. */
        public static Route refusal(NetnsRef ns, IpPrefix destination, RouteType type) {
            return new Route(
                    ns, Tables.MAIN, destination, null, "", type, 0, null, 0, false, RouteMetrics.NONE, null, false);
        }

        public Route inTable(int number) {
            return new Route(
                    ns, number, destination, via, dev, type, protocol, scope, metric, onlink, metrics, source, replace);
        }

        public Route withProtocol(int number) {
            return new Route(
                    ns, table, destination, via, dev, type, number, scope, metric, onlink, metrics, source, replace);
        }

        public Route withScope(@Nullable RouteScope other) {
            return new Route(
                    ns, table, destination, via, dev, type, protocol, other, metric, onlink, metrics, source, replace);
        }

        public Route withMetric(int other) {
            return new Route(
                    ns, table, destination, via, dev, type, protocol, scope, other, onlink, metrics, source, replace);
        }

        public Route withMetrics(RouteMetrics other) {
            return new Route(
                    ns, table, destination, via, dev, type, protocol, scope, metric, onlink, other, source, replace);
        }

        public Route withSource(@Nullable InetAddress other) {
            return new Route(
                    ns, table, destination, via, dev, type, protocol, scope, metric, onlink, metrics, other, replace);
        }

        public Route asOnlink() {
            return new Route(
                    ns, table, destination, via, dev, type, protocol, scope, metric, true, metrics, source, replace);
        }

        public Route replacing() {
            return new Route(
                    ns, table, destination, via, dev, type, protocol, scope, metric, onlink, metrics, source, true);
        }
    }

    /**
     * Packets from and to these prefixes look the table up.
     *
     * @param priority 1 to 32765, lower first; a plan's rules are told apart by it
     * @param from null for any source
     * @param to null for any destination
     */
    record Rule(
            NetnsRef ns,
            int priority,
            @Nullable IpPrefix from,
            @Nullable IpPrefix to,
            int table) implements Op {
        public Rule {
            requireTable(table);
            if (priority < 1 || priority > 32765) {
                throw new IllegalArgumentException("a rule's priority is 1 to 32765, not " + priority);
            }
            if (from != null && to != null && from.isIpv4() != to.isIpv4()) {
                throw new IllegalArgumentException("a rule is of one family: from " + from + " to " + to);
            }
        }
    }

    /** The permanent neighbour entry exists. */
    record Neighbour(NetnsRef ns, String dev, InetAddress ip, MacAddress mac) implements Op {
        public Neighbour {
            requireLinkName(dev);
            requireNonNull(ip, "ip");
            requireNonNull(mac, "mac");
        }
    }

    /**
     * The vxlan's forwarding database has this entry, beside others of the same hardware address.
     *
     * @param mac {@link MacAddress#ZERO} for all that have no entry
     * @param port UDP port of the peer, 0 for the vxlan's own
     */
    record Fdb(NetnsRef ns, String dev, MacAddress mac, InetAddress dst, int port) implements Op {
        public Fdb {
            requireLinkName(dev);
            requireNonNull(mac, "mac");
            requireNonNull(dst, "dst");
            if (port < 0 || port > 65535) {
                throw new IllegalArgumentException("not a UDP port: " + port);
            }
        }

        public Fdb(NetnsRef ns, String dev, MacAddress mac, InetAddress dst) {
            this(ns, dev, mac, dst, 0);
        }
    }

    /** Every frame that arrives on {@code from} leaves by {@code to} instead. */
    record Redirect(NetnsRef ns, String from, String to) implements Op {
        public Redirect {
            requireLinkName(from);
            requireLinkName(to);
        }
    }

    /**
     * A frame that arrives on {@code from} with {@code mac} as both its source and its destination leaves by {@code to}, with
     * another source. A bridge makes such frames: with bridge-nf-call-iptables it rewrites the destination of a frame to a Service of which the
     * sender is itself the endpoint, keeps the source, and sends it back by the port that it came from. A vxlan on the other
     * side that has this address drops frames with it as source.
     *
     * <p>Comes after {@link Redirect} of the same links, which would take the frame first.
     *
     * @param to another link than {@code from}
     */
    record Hairpin(NetnsRef ns, String from, String to, MacAddress mac) implements Op {
        public Hairpin {
            requireLinkName(from);
            requireLinkName(to);
            requireNonNull(mac, "mac");
        }
    }

    /** The owner's nftables rules are in the table, all of them in one transaction. */
    record Nft(NetnsRef ns, NftRules rules) implements Op {
        public Nft {
            requireNonNull(rules, "rules");
        }
    }

    /**
     * The kernel setting has this value. Undo puts the old one back, so a plan changes settings of namespaces and links that are its
     * own, not those that plans of other owners rely on too.
     *
     * @param key path below {@code /proc/sys}, as {@code net/ipv4/ip_forward}; slashes, because link names may hold dots
     */
    record Sysctl(NetnsRef ns, String key, String value) implements Op {
        private static final Pattern KEY = Pattern.compile("net(/[A-Za-z0-9_.@:-]+)+");

        public Sysctl {
            requireNonNull(value, "value");
            if (!KEY.matcher(key).matches() || key.contains("/../") || key.endsWith("/..")) {
                throw new IllegalArgumentException("not a network setting (net/...): '" + key + "'");
            }
        }
    }

    private static void requireLinkName(String name) {
        // The kernel's own rule, dev_valid_name() in net/core/dev.c.
        if (name.isEmpty()
                || name.length() > 15
                || name.equals(".")
                || name.equals("..")
                || name.chars().anyMatch(c -> c <= ' ' || c > '~' || c == '/' || c == ':')) {
            throw new IllegalArgumentException(
                    "not a link name (1 to 15 characters, no space, '/' or ':'): '" + name + "'");
        }
    }

    private static void requireMtu(int mtu) {
        if (mtu < 0 || mtu > 65535) {
            throw new IllegalArgumentException("not an MTU: " + mtu);
        }
    }

    private static void requireTable(int table) {
        if (table == Tables.UNSPECIFIED) {
            throw new IllegalArgumentException("routing table 0 does not exist; the usual one is 254");
        }
    }
}
