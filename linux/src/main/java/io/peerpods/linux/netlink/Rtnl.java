package io.peerpods.linux.netlink;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.sys.Errno;
import io.peerpods.linux.sys.Libc;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * rtnetlink in one network namespace: what {@code ip}, {@code bridge} and {@code tc} do, as typed calls (rtnetlink(7)).
 *
 * <p>Thread safe, callable from virtual threads. Failures are {@link LinuxException} with the kernel's own words. Lists are complete:
 * one that a change made unreliable is asked for again.
 */
public final class Rtnl implements AutoCloseable {

    static final int RTM_NEWLINK = 16;
    private static final int RTM_DELLINK = 17;
    private static final int RTM_GETLINK = 18;
    private static final int RTM_NEWADDR = 20;
    private static final int RTM_DELADDR = 21;
    private static final int RTM_GETADDR = 22;
    private static final int RTM_NEWROUTE = 24;
    private static final int RTM_DELROUTE = 25;
    private static final int RTM_GETROUTE = 26;
    private static final int RTM_NEWNEIGH = 28;
    private static final int RTM_DELNEIGH = 29;
    private static final int RTM_GETNEIGH = 30;
    private static final int RTM_NEWRULE = 32;
    private static final int RTM_DELRULE = 33;
    private static final int RTM_GETRULE = 34;
    private static final int RTM_GETNSID = 90;

    static final int IFLA_ADDRESS = 1;
    static final int IFLA_IFNAME = 3;
    static final int IFLA_MTU = 4;
    static final int IFLA_MASTER = 10;
    static final int IFLA_IFALIAS = 20;
    static final int IFLA_NET_NS_FD = 28;
    private static final int IFLA_LINKINFO = 18;
    private static final int INFO_KIND = 1;
    private static final int INFO_DATA = 2;
    private static final int VETH_INFO_PEER = 1;

    private static final int NETNSA_NSID = 1;
    private static final int NETNSA_FD = 3;

    private static final int NTF_SELF = 2;

    private final NetlinkSocket socket;

    Rtnl(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** In the namespace of this process; inside {@link Netns#call} in that one. Cheap: no thread is made. */
    public static Rtnl open() {
        return new Rtnl(NetlinkSocket.open(NetlinkSocket.ROUTE));
    }

    /** In that namespace. It may be closed before this. */
    public static Rtnl open(Netns namespace) {
        return new Rtnl(NetlinkSocket.open(namespace, NetlinkSocket.ROUTE));
    }

    /**
     * Sets the foreign function machinery up, which costs the first caller 100 to 200 ms: called early, in the background, no caller
     * waits for it later.
     */
    public static void warmUp() {
        try (Rtnl rtnl = open()) {
            rtnl.links();
            rtnl.addresses();
            rtnl.routes();
        }
    }

    @Override
    public void close() {
        socket.close();
    }

    void execute(String attempted, Message message) {
        socket.execute(attempted, message);
    }

    /** Ingress qdiscs and filters of this namespace; shares this object's socket and end. */
    public TrafficControl trafficControl() {
        return new TrafficControl(socket);
    }

    // ---- links

    static Message linkMessage(int type, int flags, int index, int linkFlags, int mask) {
        return new Message(type, flags)
                .u8(0)
                .u8(0)
                .u16(0)
                .u32(index)
                .u32(linkFlags)
                .u32(mask);
    }

    public List<Link> links() {
        return socket.dump("list links", linkMessage(RTM_GETLINK, Message.DUMP, 0, 0, 0), LinkReader::read);
    }

    /** Empty when there is none of that name. */
    public Optional<Link> link(String name) {
        return find("get link " + name, linkMessage(RTM_GETLINK, 0, 0, 0, 0).string(IFLA_IFNAME, name));
    }

    /** Empty when there is none of that number. */
    public Optional<Link> link(int index) {
        return find("get link " + index, linkMessage(RTM_GETLINK, 0, index, 0, 0));
    }

    /**
     * The link of that name.
     *
     * @throws LinuxException ENODEV naming it
     */
    public Link requireLink(String name) {
        return link(name).orElseThrow(() -> new LinuxException("find link " + name, Errno.ENODEV));
    }

    private Optional<Link> find(String attempted, Message message) {
        try {
            return Optional.of(socket.<Link>get(attempted, message, LinkReader::read));
        } catch (LinuxException e) {
            if (e.isGone()) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** A bridge. */
    public void addBridge(NewLink link) {
        Message message = creation(link, null);
        message.nest(IFLA_LINKINFO, () -> message.string(INFO_KIND, "bridge"));
        execute("add bridge " + link.name(), message);
    }

    /** A cable with both ends here. */
    public void addVeth(NewLink link, NewLink peer) {
        addVeth(link, peer, null);
    }

    /** A cable whose other end is in {@code peerNamespace}; null for here. */
    public void addVeth(NewLink link, NewLink peer, @Nullable Netns peerNamespace) {
        Message message = creation(link, null);
        message.nest(
                IFLA_LINKINFO,
                () -> message.string(INFO_KIND, "veth")
                        .nest(
                                INFO_DATA,
                                () -> message.nest(VETH_INFO_PEER, () -> {
                                    message.u8(0).u8(0).u16(0).u32(0).u32(0).u32(0); // struct ifinfomsg of the peer
                                    describe(message, peer, peerNamespace);
                                })));
        execute("add veth " + link.name() + " with peer " + peer.name(), message);
    }

    /** A vxlan whose inner and outer side are here. */
    public void addVxlan(NewLink link, VxlanAttributes attributes) {
        addVxlan(link, attributes, null);
    }

    /**
     * A vxlan whose outer packets travel here, and which is itself made in {@code target}, without ever having been here (null:
     * here). The VNI belongs to this namespace all the same.
     */
    public void addVxlan(NewLink link, VxlanAttributes attributes, @Nullable Netns target) {
        int device = attributes.device().isEmpty()
                ? 0
                : requireLink(attributes.device()).index();
        Message message = creation(link, target);
        message.nest(
                IFLA_LINKINFO,
                () -> message.string(INFO_KIND, "vxlan")
                        .nest(INFO_DATA, () -> VxlanCodec.write(message, attributes, device)));
        execute(
                "add vxlan " + link.name() + " with VNI " + attributes.vni() + " on port " + attributes.port(),
                message);
    }

    private static Message creation(NewLink link, @Nullable Netns target) {
        Message message = linkMessage(RTM_NEWLINK, Message.CREATE | Message.EXCL, 0, 0, 0);
        describe(message, link, target);
        return message;
    }

    private static void describe(Message message, NewLink link, @Nullable Netns target) {
        message.string(IFLA_IFNAME, link.name());
        if (link.mac() != null) {
            message.bytes(IFLA_ADDRESS, link.mac().bytes());
        }
        if (link.mtu() != 0) {
            message.u32(IFLA_MTU, link.mtu());
        }
        if (target != null) {
            message.u32(IFLA_NET_NS_FD, target.fd());
        }
    }

    /** Removes the link; of a veth the other end goes too. */
    public void deleteLink(int index) {
        execute("delete link " + index, linkMessage(RTM_DELLINK, 0, index, 0, 0));
    }

    /** Starts a change of that link. */
    public LinkChange change(int index) {
        return new LinkChange(this, index);
    }

    public void setUp(int index) {
        change(index).up(true).apply();
    }

    /**
     * The number by which this namespace knows the other one, as in {@link Link#lowerNetns} (linux/net_namespace.h); -1 when no link
     * of this namespace has needed one.
     */
    public int namespaceNumber(Netns other) {
        Message message =
                new Message(RTM_GETNSID, 0).u8(0).u8(0).u16(0).u32(NETNSA_FD, other.fd()); // struct rtgenmsg, padded
        return socket.get(
                "find the number of namespace " + other,
                message,
                (_, payload) -> Optional.of(Attributes.read(payload.position(4)).u32(NETNSA_NSID)));
    }

    // ---- addresses

    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int IFA_FLAGS = 8;
    private static final int IFA_F_NODAD = 0x02;
    private static final int IFA_F_PERMANENT = 0x80;
    private static final int IFA_F_NOPREFIXROUTE = 0x200;

    private static Message addressMessage(int type, int flags, int index, IpPrefix prefix) {
        return new Message(type, flags)
                .u8(Message.family(prefix.address()))
                .u8(prefix.length())
                .u8(0)
                .u8(0)
                .u32(index)
                .address(IFA_LOCAL, prefix.address())
                .address(IFA_ADDRESS, prefix.address());
    }

    public List<LinkAddress> addresses() {
        Message message =
                new Message(RTM_GETADDR, Message.DUMP).u8(0).u8(0).u8(0).u8(0).u32(0);
        return socket.dump("list addresses", message, Rtnl::readAddress);
    }

    private static Optional<LinkAddress> readAddress(int type, ByteBuffer payload) {
        int length = Byte.toUnsignedInt(payload.get(1));
        int scope = Byte.toUnsignedInt(payload.get(3));
        int index = payload.getInt(4);
        Attributes attributes = Attributes.read(payload.position(8));
        InetAddress local = attributes.address(attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS);
        if (local == null) {
            return Optional.empty();
        }
        int flags = attributes.u32(IFA_FLAGS);
        return Optional.of(new LinkAddress(
                index,
                new IpPrefix(local, length),
                RouteScope.of(scope),
                (flags & IFA_F_PERMANENT) != 0,
                (flags & IFA_F_NOPREFIXROUTE) == 0));
    }

    /** With the kernel's route to the prefix. */
    public void addAddress(int index, IpPrefix prefix) {
        addAddress(index, prefix, true);
    }

    /**
     * Adds an address for ever.
     *
     * @param connectedRoute whether the kernel shall make the route to the prefix
     */
    public void addAddress(int index, IpPrefix prefix, boolean connectedRoute) {
        Message message = addressMessage(RTM_NEWADDR, Message.CREATE | Message.EXCL, index, prefix);
        // Duplicate address detection would hold an IPv6 address back for a second, on links where no other host can
        // have
        // it.
        int flags = (connectedRoute ? 0 : IFA_F_NOPREFIXROUTE) | (prefix.isIpv4() ? 0 : IFA_F_NODAD);
        execute("add address " + prefix + " to link " + index, message.u32(IFA_FLAGS, flags));
    }

    public void deleteAddress(int index, IpPrefix prefix) {
        execute("delete address " + prefix + " of link " + index, addressMessage(RTM_DELADDR, 0, index, prefix));
    }

    // ---- routes

    /** IPv4 and IPv6 routes of all tables, multicast and cloned ones left out. */
    public List<Route> routes() {
        return Stream.of(Libc.AF_INET, Libc.AF_INET6)
                .flatMap(family -> socket.dump("list routes", routeDump(family), RouteCodec.reader(family)).stream())
                .toList();
    }

    /** IPv4 and IPv6 routes of one table. */
    public List<Route> routes(int table) {
        return routes().stream().filter(route -> route.table() == table).toList();
    }

    private static Message routeDump(int family) {
        return RouteCodec.header(RTM_GETROUTE, Message.DUMP, family, 0, 0, 0, 0, 0, 0);
    }

    /**
     * The route that a packet to that address would take now; its destination is the address itself.
     *
     * @throws LinuxException ENETUNREACH or what a refusing route says
     */
    public Route routeTo(InetAddress destination) {
        IpPrefix host = IpPrefix.of(destination);
        Message message = RouteCodec.header(
                        RTM_GETROUTE, 0, Message.family(host.address()), host.length(), 0, 0, 0, 0, 0)
                .address(RouteCodec.RTA_DST, host.address());
        return socket.get(
                "find the route to " + host, message, RouteCodec.reader(Message.family(host.address()), true));
    }

    /**
     * The same for a packet that leaves by that link.
     *
     * @throws LinuxException ENETUNREACH when no route to the address is by the link
     */
    public Route routeTo(InetAddress destination, int link) {
        IpPrefix host = IpPrefix.of(destination);
        Message message = RouteCodec.header(
                        RTM_GETROUTE, 0, Message.family(host.address()), host.length(), 0, 0, 0, 0, 0)
                .address(RouteCodec.RTA_DST, host.address())
                .u32(RouteCodec.RTA_OIF, link);
        return socket.get(
                "find the route to " + host + " by link " + link,
                message,
                RouteCodec.reader(Message.family(host.address()), true));
    }

    /** Adds; EEXIST when the table has one to the same destination with the same metric. */
    public void addRoute(Route route) {
        execute("add " + RouteCodec.words(route), RouteCodec.write(RTM_NEWROUTE, Message.CREATE | Message.EXCL, route));
    }

    /** Adds, or takes the place of the one to the same destination with the same metric, in one step. */
    public void replaceRoute(Route route) {
        execute(
                "replace " + RouteCodec.words(route),
                RouteCodec.write(RTM_NEWROUTE, Message.CREATE | Message.REPLACE, route));
    }

    public void deleteRoute(Route route) {
        execute("delete " + RouteCodec.words(route), RouteCodec.write(RTM_DELROUTE, 0, route));
    }

    // ---- rules

    public List<Rule> rules() {
        return Stream.of(Libc.AF_INET, Libc.AF_INET6)
                .flatMap(family ->
                        socket
                                .dump("list rules", RuleCodec.dump(RTM_GETRULE, family), RuleCodec.reader(family))
                                .stream())
                .toList();
    }

    public void addRule(Rule rule) {
        execute("add " + RuleCodec.words(rule), RuleCodec.write(RTM_NEWRULE, Message.CREATE | Message.EXCL, rule));
    }

    public void deleteRule(Rule rule) {
        execute("delete " + RuleCodec.words(rule), RuleCodec.write(RTM_DELRULE, 0, rule));
    }

    // ---- neighbours and forwarding databases

    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;
    private static final int NDA_PORT = 6;

    private static Message neighbourMessage(int type, int flags, int family, int index, int state, int entryFlags) {
        return new Message(type, flags)
                .u8(family)
                .u8(0)
                .u16(0)
                .u32(index)
                .u16(state)
                .u8(entryFlags)
                .u8(0);
    }

    /** IPv4 and IPv6 neighbours. */
    public List<Neighbour> neighbours() {
        return socket.dump(
                "list neighbours", neighbourMessage(RTM_GETNEIGH, Message.DUMP, 0, 0, 0, 0), Rtnl::readNeighbour);
    }

    private static Optional<Neighbour> readNeighbour(int type, ByteBuffer payload) {
        int index = payload.getInt(4);
        int state = Short.toUnsignedInt(payload.getShort(8));
        Attributes attributes = Attributes.read(payload.position(12));
        InetAddress ip = attributes.address(NDA_DST);
        return ip == null ? Optional.empty() : Optional.of(new Neighbour(index, ip, attributes.mac(NDA_LLADDR), state));
    }

    /** Sets a permanent entry, whatever was there. */
    public void putNeighbour(int index, InetAddress ip, MacAddress mac) {
        Message message = neighbourMessage(
                RTM_NEWNEIGH, Message.CREATE | Message.REPLACE, Message.family(ip), index, Neighbour.PERMANENT, 0);
        execute(
                "put neighbour " + ip.getHostAddress() + " at " + mac + " on link " + index,
                message.address(NDA_DST, ip).bytes(NDA_LLADDR, mac.bytes()));
    }

    public void deleteNeighbour(int index, InetAddress ip) {
        Message message = neighbourMessage(RTM_DELNEIGH, 0, Message.family(ip), index, 0, 0);
        execute("delete neighbour " + ip.getHostAddress() + " on link " + index, message.address(NDA_DST, ip));
    }

    /** The forwarding database of one vxlan or bridge. */
    public List<FdbEntry> fdb(int index) {
        Message message = neighbourMessage(RTM_GETNEIGH, Message.DUMP, Libc.AF_BRIDGE, 0, 0, 0);
        return socket.<FdbEntry>dump("list the FDB", message, Rtnl::readFdb).stream()
                .filter(entry -> entry.link() == index)
                .toList();
    }

    private static Optional<FdbEntry> readFdb(int type, ByteBuffer payload) {
        int index = payload.getInt(4);
        int state = Short.toUnsignedInt(payload.getShort(8));
        Attributes attributes = Attributes.read(payload.position(12));
        MacAddress mac = attributes.mac(NDA_LLADDR);
        return mac == null
                ? Optional.empty()
                : Optional.of(
                        new FdbEntry(index, mac, attributes.address(NDA_DST), attributes.be16(NDA_PORT, 0), state));
    }

    /** Adds a permanent entry of a vxlan beside those that the hardware address has already. */
    public void appendFdb(int index, MacAddress mac, InetAddress destination, int port) {
        execute(
                "append FDB entry " + mac + " to " + destination.getHostAddress() + " on link " + index,
                fdbMessage(RTM_NEWNEIGH, Message.CREATE | Message.APPEND, index, mac, destination, port));
    }

    public void deleteFdb(int index, MacAddress mac, InetAddress destination, int port) {
        execute(
                "delete FDB entry " + mac + " to " + destination.getHostAddress() + " on link " + index,
                fdbMessage(RTM_DELNEIGH, 0, index, mac, destination, port));
    }

    private static Message fdbMessage(
            int type, int flags, int index, MacAddress mac, InetAddress destination, int port) {
        Message message = neighbourMessage(
                        type, flags, Libc.AF_BRIDGE, index, Neighbour.PERMANENT | Neighbour.NOARP, NTF_SELF)
                .bytes(NDA_LLADDR, mac.bytes())
                .address(NDA_DST, destination);
        return port == 0 ? message : message.be16(NDA_PORT, port);
    }
}
