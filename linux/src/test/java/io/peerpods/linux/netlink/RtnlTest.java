package io.peerpods.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.sys.Errno;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Each request against the kernel, looked at by {@code ip}, {@code bridge} and {@code tc}. */
@NeedsRoot
@NeedsProgram({"ip", "tc", "bridge"})
class RtnlTest {

    private static final InetAddress PEER = IpAddresses.parse("10.9.0.2");

    private final TempNetns here = TempNetns.create("rtnl");
    private final TempNetns there = TempNetns.create("rtnl");
    private final Netns hereNs = Netns.open(here.path());
    private final Netns thereNs = Netns.open(there.path());
    private final Rtnl rtnl = Rtnl.open(hereNs);
    private int eth0;

    @BeforeEach
    void cable() {
        rtnl.addVeth(new NewLink("eth0", MacAddress.of("02:00:00:00:00:01"), 1500), NewLink.of("peer0"), thereNs);
        eth0 = rtnl.requireLink("eth0").index();
        rtnl.setUp(eth0);
        rtnl.addAddress(eth0, IpPrefix.of("10.9.0.1/24"));
        there.exec("ip", "link", "set", "peer0", "up");
    }

    @AfterEach
    void remove() {
        rtnl.close();
        hereNs.close();
        thereNs.close();
        here.close();
        there.close();
    }

    @Test
    void aCableHasOneEndInEachNamespace() {
        Link link = rtnl.requireLink("eth0");
        assertThat(link.kind()).isEqualTo("veth");
        assertThat(link.mac()).isEqualTo(MacAddress.of("02:00:00:00:00:01"));
        assertThat(link.up()).isTrue();
        assertThat(link.lowerNetns()).isNotNegative();
        assertThat(there.exec("ip", "-o", "link", "show", "peer0")).contains("peer0");
        assertThat(rtnl.link("none")).isEmpty();
        assertThat(rtnl.link(9999)).isEmpty();
        assertThat(rtnl.links()).extracting(Link::name).contains("lo", "eth0");
    }

    @Test
    void linksAreChangedAndRemoved() {
        rtnl.addBridge(NewLink.of("br0"));
        int bridge = rtnl.requireLink("br0").index();
        rtnl.change(eth0).master(bridge).mtu(1400).alias("peerpods:x y").apply();
        Link port = rtnl.requireLink("eth0");
        assertThat(port.master()).isEqualTo(bridge);
        assertThat(port.mtu()).isEqualTo(1400);
        assertThat(port.alias()).isEqualTo("peerpods:x y");
        rtnl.change(eth0).master(0).alias("").up(false).apply();
        rtnl.change(eth0).name("other").mac(MacAddress.of("02:00:00:00:00:02")).apply();
        Link renamed = rtnl.requireLink("other");
        assertThat(renamed.alias()).isEmpty();
        assertThat(renamed.master()).isZero();
        assertThat(renamed.up()).isFalse();
        assertThat(renamed.mac()).hasToString("02:00:00:00:00:02");
        rtnl.deleteLink(bridge);
        assertThat(rtnl.link("br0")).isEmpty();
    }

    @Test
    void aLinkMovesUnderANewName() {
        rtnl.change(eth0).netns(thereNs).name("moved").apply();
        assertThat(rtnl.link("eth0")).isEmpty();
        assertThat(there.exec("ip", "-o", "link", "show", "moved")).contains("02:00:00:00:00:01");
    }

    @Test
    void aVxlanIsMadeStraightInAnotherNamespace() {
        VxlanAttributes wanted = VxlanAttributes.unicast(555000, 4789, PEER)
                .withLocal(IpAddresses.parse("10.9.0.1"))
                .withDevice("eth0")
                .withSourcePorts(4789, 4790)
                .withLearning(false)
                .withTtl(7)
                .withDf(VxlanAttributes.Df.SET)
                .withUdpChecksum(true)
                .withGbp(true);
        rtnl.addVxlan(new NewLink("vx", MacAddress.of("02:00:00:00:00:07"), 1400), wanted, thereNs);
        assertThat(rtnl.link("vx")).isEmpty();
        assertThat(there.exec("ip", "-d", "-o", "link", "show", "vx"))
                .contains("mtu 1400")
                .contains("02:00:00:00:00:07")
                .contains("vxlan id 555000 remote 10.9.0.2 local 10.9.0.1")
                .contains("srcport 4789 4790")
                .contains("dstport 4789")
                .contains("nolearning")
                .contains("ttl 7")
                .contains("df set")
                .contains("udpcsum")
                .contains("gbp");
        try (Rtnl other = Rtnl.open(thereNs)) {
            Link link = other.requireLink("vx");
            assertThat(link.vxlan())
                    .usingRecursiveComparison()
                    .ignoringFields("device", "ageing")
                    .isEqualTo(wanted);
            assertThat(link.vxlanDevice()).isEqualTo(eth0);
        }
        // The VNI belongs to the namespace it was made from.
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> rtnl.addVxlan(NewLink.of("vy"), wanted))
                .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST))
                .withMessageContaining("vy")
                .withMessageContaining("VNI");
    }

    @Test
    void vxlansComeInOtherKindsToo() {
        rtnl.addVxlan(NewLink.of("v6"), VxlanAttributes.unicast(1, 4790, IpAddresses.parse("fd00:9::2")));
        rtnl.addVxlan(
                NewLink.of("many"),
                VxlanAttributes.unicast(2, 4789, IpAddresses.parse("224.0.0.88"))
                        .withDevice("eth0"));
        rtnl.addVxlan(NewLink.of("meta"), VxlanAttributes.byFdb(0, 4791).asExternal());
        assertThat(here.exec("ip", "-d", "-o", "link", "show", "v6")).contains("remote fd00:9::2");
        assertThat(here.exec("ip", "-d", "-o", "link", "show", "many")).contains("group 224.0.0.88 dev eth0");
        assertThat(here.exec("ip", "-d", "-o", "link", "show", "meta")).contains("external");
    }

    @Test
    void theKernelsOwnWordsComeThrough() {
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> rtnl.addVxlan(NewLink.of("big"), VxlanAttributes.unicast(1 << 24, 4789, PEER)))
                .withMessageContaining("add vxlan big")
                .withMessageContaining("ERANGE")
                .withMessageContaining("16777216");
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(
                        () -> rtnl.addRoute(Route.unicast(IpPrefix.of("99.0.0.0/8"), IpAddresses.parse("55.5.5.5"), 0)))
                .withMessageContaining("99.0.0.0/8 via 55.5.5.5")
                .withMessageContaining("Nexthop has invalid gateway");
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> rtnl.requireLink("nope"))
                .withMessageContaining("nope")
                .withMessageContaining("ENODEV");
    }

    @Test
    void addressesComeAndGo() {
        IpPrefix second = IpPrefix.of("10.8.0.1/16");
        rtnl.addAddress(eth0, second, false);
        rtnl.addAddress(eth0, IpPrefix.of("fd00:9::1/64"));
        assertThat(rtnl.addresses())
                .filteredOn(address -> address.index() == eth0 && address.scope() == RouteScope.UNIVERSE)
                .extracting(address -> address.prefix().toString(), LinkAddress::permanent, LinkAddress::connectedRoute)
                .contains(
                        tuple("10.9.0.1/24", true, true),
                        tuple("10.8.0.1/16", true, false),
                        tuple("fd00:9::1/64", true, true));
        assertThat(here.exec("ip", "route")).doesNotContain("10.8.0.0/16");
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> rtnl.addAddress(eth0, second))
                .satisfies(e -> assertThat(e.isExisting()).isTrue());
        rtnl.deleteAddress(eth0, second);
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> rtnl.deleteAddress(eth0, second))
                .satisfies(e -> assertThat(e.isGone()).isTrue());
    }

    @Test
    void routesOfEveryKind() {
        rtnl.addRoute(Route.unicast(IpPrefix.IPV4_DEFAULT, PEER, eth0));
        rtnl.addRoute(Route.unicast(IpPrefix.of("10.244.0.0/16"), PEER, eth0).inTable(45000));
        rtnl.addRoute(new Route(
                IpPrefix.of("10.96.0.0/12"),
                RouteType.UNICAST,
                Tables.MAIN,
                IpAddresses.parse("169.254.1.1"),
                eth0,
                Route.PROTOCOL_BOOT,
                RouteScope.UNIVERSE,
                50,
                true,
                RouteMetrics.ofMtu(1300)
                        .with(RouteMetrics.LOCK, 1 << RouteMetrics.MTU)
                        .with(RouteMetrics.ADVMSS, 1200),
                IpAddresses.parse("10.9.0.1"),
                ""));
        rtnl.addRoute(Route.refusal(IpPrefix.of("169.254.169.254/32"), RouteType.PROHIBIT));
        String main = here.exec("ip", "route");
        assertThat(main)
                .contains("default via 10.9.0.2 dev eth0 proto static")
                .contains(
                        "10.96.0.0/12 via 169.254.1.1 dev eth0 src 10.9.0.1 metric 50 onlink mtu lock 1300 advmss 1200")
                .contains("prohibit 169.254.169.254");
        assertThat(here.exec("ip", "route", "show", "table", "45000")).contains("10.244.0.0/16 via 10.9.0.2");
        for (Route route : rtnl.routes()) {
            if (route.table() != Tables.LOCAL && route.protocol() != Route.PROTOCOL_KERNEL) {
                rtnl.replaceRoute(route); // what is read can be written
                rtnl.deleteRoute(route);
            }
        }
        assertThat(here.exec("ip", "route").strip().lines()).hasSize(1);
        assertThat(here.exec("ip", "route", "show", "table", "all")).doesNotContain("45000");
    }

    @Test
    void ipv6RoutesToo() {
        rtnl.addAddress(eth0, IpPrefix.of("fd00:9::1/64"));
        rtnl.addRoute(Route.unicast(IpPrefix.IPV6_DEFAULT, IpAddresses.parse("fd00:9::2"), eth0));
        rtnl.addRoute(Route.refusal(IpPrefix.of("fd00:ec2::254/128"), RouteType.PROHIBIT));
        assertThat(here.exec("ip", "-6", "route"))
                .contains("default via fd00:9::2 dev eth0")
                .contains("prohibit fd00:ec2::254");
        assertThat(rtnl.routes(Tables.MAIN))
                .anySatisfy(route -> assertThat(route.destination()).isEqualTo(IpPrefix.IPV6_DEFAULT));
    }

    @Test
    void theWayToAnAddressIsTold() {
        assertThat(rtnl.routeTo(PEER).link()).isEqualTo(eth0);
        assertThatExceptionOfType(LinuxException.class)
                .isThrownBy(() -> rtnl.routeTo(IpAddresses.parse("203.0.113.1")))
                .satisfies(e -> assertThat(e.errno()).isEqualTo(Errno.ENETUNREACH));
    }

    @Test
    void rulesOfBothFamilies() {
        Rule ipv4 = Rule.lookUp(false, 1000, IpPrefix.of("10.244.1.2/32"), IpPrefix.of("10.0.0.0/8"), 45000);
        Rule ipv6 = Rule.lookUp(true, 1001, IpPrefix.of("fd00::2/128"), null, 100);
        rtnl.addRule(ipv4);
        rtnl.addRule(ipv6);
        assertThat(rtnl.rules()).contains(ipv4, ipv6);
        assertThat(here.exec("ip", "rule")).contains("1000:\tfrom 10.244.1.2 to 10.0.0.0/8 lookup 45000");
        rtnl.deleteRule(ipv4);
        rtnl.deleteRule(ipv6);
        assertThat(rtnl.rules()).doesNotContain(ipv4, ipv6);
    }

    @Test
    void neighboursAndForwardingEntries() {
        MacAddress mac = MacAddress.of("02:00:00:00:00:09");
        rtnl.putNeighbour(eth0, PEER, mac);
        assertThat(rtnl.neighbours()).contains(new Neighbour(eth0, PEER, mac, Neighbour.PERMANENT));
        rtnl.deleteNeighbour(eth0, PEER);
        assertThat(rtnl.neighbours()).noneMatch(entry -> entry.ip().equals(PEER));

        rtnl.addVxlan(NewLink.of("vx"), VxlanAttributes.byFdb(9, 4789).withDevice("eth0"));
        int vx = rtnl.requireLink("vx").index();
        rtnl.appendFdb(vx, MacAddress.ZERO, PEER, 0);
        rtnl.appendFdb(vx, MacAddress.ZERO, IpAddresses.parse("10.9.0.3"), 4790);
        assertThat(here.exec("bridge", "fdb", "show", "dev", "vx"))
                .contains("00:00:00:00:00:00 dst 10.9.0.2 self permanent")
                .contains("00:00:00:00:00:00 dst 10.9.0.3 port 4790 self permanent");
        assertThat(rtnl.fdb(vx))
                .extracting(FdbEntry::destination, FdbEntry::port)
                .contains(tuple(PEER, 0), tuple(IpAddresses.parse("10.9.0.3"), 4790));
        rtnl.deleteFdb(vx, MacAddress.ZERO, PEER, 0);
        assertThat(rtnl.fdb(vx)).noneMatch(entry -> PEER.equals(entry.destination()));
    }

    @Test
    void framesAreRedirectedByAMarkedFilter() {
        rtnl.addBridge(NewLink.of("br0"));
        int bridge = rtnl.requireLink("br0").index();
        TrafficControl control = rtnl.trafficControl();
        assertThat(control.filters(eth0)).isEmpty();
        control.addClsact(eth0);
        control.addRedirect(eth0, bridge, "00112233445566778899aabbccddeeff");
        List<Filter> filters = control.filters(eth0);
        assertThat(filters).hasSize(1);
        assertThat(filters.getFirst().redirectTo()).isEqualTo(bridge);
        assertThat(filters.getFirst().cookie()).isEqualTo("00112233445566778899aabbccddeeff");
        assertThat(here.exec("tc", "filter", "show", "dev", "eth0", "ingress"))
                .contains("match 00000000/00000000 at 0")
                .contains("mirred (Egress Redirect to device br0) stolen");
        control.deleteFilter(filters.getFirst());
        assertThat(control.filters(eth0)).isEmpty();
        control.deleteIngressQdisc(eth0);
        assertThat(control.qdiscs(eth0)).noneMatch(Qdisc::isIngress);
    }

    @Test
    void redirectsHangOnAnOldIngressQdiscToo() {
        here.exec("tc", "qdisc", "add", "dev", "eth0", "ingress");
        int lo = rtnl.requireLink("lo").index();
        rtnl.trafficControl().addRedirect(eth0, lo, "01");
        assertThat(rtnl.trafficControl().filters(eth0)).hasSize(1);
        assertThat(here.exec("tc", "filter", "show", "dev", "eth0", "parent", "ffff:"))
                .contains("mirred");
    }

    @Test
    void packetsAreCounted() {
        there.exec("ip", "addr", "add", "10.9.0.2/24", "dev", "peer0");
        LinkCounters before = rtnl.requireLink("eth0").counters();
        here.exec("ping", "-n", "-c", "3", "-i", "0.01", "-W", "5", "10.9.0.2");
        LinkCounters after = rtnl.requireLink("eth0").counters();
        assertThat(after.txPackets() - before.txPackets()).isGreaterThanOrEqualTo(3);
        assertThat(after.rxBytes() - before.rxBytes()).isGreaterThan(3 * 84);
    }

    @Test
    void listsAreCompleteWhileOthersChangeThem() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        for (int i = 0; i < 60; i++) {
            rtnl.addRoute(Route.unicast(IpPrefix.of("10.50." + i + ".0/24"), PEER, eth0));
        }
        try (var threads = Executors.newVirtualThreadPerTaskExecutor();
                Rtnl churn = Rtnl.open(hereNs)) {
            Future<?> changing = threads.submit(() -> {
                for (int i = 0; !stop.get(); i++) {
                    Route route = Route.unicast(IpPrefix.of("10.60." + i % 250 + ".0/24"), PEER, eth0);
                    churn.addRoute(route);
                    churn.addAddress(eth0, IpPrefix.of("10.70.0.1/32"));
                    churn.deleteAddress(eth0, IpPrefix.of("10.70.0.1/32"));
                    churn.deleteRoute(route);
                }
            });
            List<Future<Boolean>> complete = IntStream.range(0, 8)
                    .mapToObj(_ -> threads.submit(() -> {
                        try (Rtnl own = Rtnl.open(hereNs)) {
                            return IntStream.range(0, 20).allMatch(_ -> {
                                boolean routes = own.routes(Tables.MAIN).stream()
                                                .filter(route -> route.destination()
                                                        .toString()
                                                        .startsWith("10.50."))
                                                .count()
                                        == 60;
                                boolean addresses = own.addresses().stream()
                                        .anyMatch(address -> address.prefix().equals(IpPrefix.of("10.9.0.1/24")));
                                return routes && addresses;
                            });
                        }
                    }))
                    .toList();
            for (Future<Boolean> all : complete) {
                assertThat(all.get()).isTrue();
            }
            stop.set(true);
            changing.get();
        } finally {
            stop.set(true);
        }
    }
}
