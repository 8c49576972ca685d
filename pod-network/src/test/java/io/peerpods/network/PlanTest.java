package io.peerpods.network;

import static io.peerpods.network.Specs.ip;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Tables;
import io.peerpods.linux.nft.NftRules;
import io.peerpods.linux.op.LinkKind;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodInterface;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.spec.PodRoute;
import io.peerpods.network.tunnel.Ownership;
import io.peerpods.network.tunnel.Underlay;
import io.peerpods.network.vm.ExternalNic;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerPlan;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the planners ask for, as values: no kernel. */
class PlanTest {
    private static final NetnsRef WORKER_POD = NetnsRef.of("/var/run/netns/cni-1");
    private static final NetnsRef POD = NetnsRef.of("/run/netns/podns");
    private static final WorkerPlan.Place WORKER = new WorkerPlan.Place(NetnsRef.OWN, "peerpods-01234567");
    private static final PodVmPlan.Place VM = new PodVmPlan.Place(NetnsRef.OWN, POD, 15150, true);
    private static final VmPeer PEER = VmPeer.of(ip("10.10.1.2"), 15150);
    private static final Underlay UNDERLAY = new Underlay("ens5", ip("10.10.1.2"), 1500);
    private static final ExternalNic NIC = new ExternalNic(
            MacAddress.of("02:00:00:00:00:06"), "ens6", false, List.of(IpPrefix.of("10.20.0.10/24")), ip("10.20.0.1"));

    @Test
    void the_worker_makes_the_tunnel_in_the_pods_namespace_and_glues_it_both_ways() throws Exception {
        Plan plan = WorkerPlan.of("abc", WORKER_POD, Specs.pod(), PEER, WORKER);
        assertThat(plan.owner()).isEqualTo("peerpods:abc");
        assertThat(plan.ops().stream().map(op -> op.getClass().getSimpleName()))
                .containsExactly("Nft", "Link", "Redirect", "Redirect", "Hairpin");
        Op.Link link = only(plan, Op.Link.class);
        assertThat(link.ns()).isEqualTo(WORKER_POD);
        assertThat(link.name()).isEqualTo("vxlan1");
        assertThat(link.kind()).isInstanceOfSatisfying(LinkKind.Vxlan.class, vxlan -> {
            assertThat(vxlan.underlay()).isEqualTo(NetnsRef.OWN);
            assertThat(vxlan.attributes().vni()).isEqualTo(555000);
            assertThat(vxlan.attributes().port()).isEqualTo(4789);
            assertThat(vxlan.attributes().remote()).isEqualTo(ip("10.10.1.2"));
            assertThat(vxlan.attributes().local()).isEqualTo(ip("10.10.0.1"));
            assertThat(vxlan.attributes().learning()).isFalse();
        });
        assertThat(plan.ops())
                .contains(new Op.Redirect(WORKER_POD, "eth0", "vxlan1"), new Op.Redirect(WORKER_POD, "vxlan1", "eth0"))
                .endsWith(new Op.Hairpin(WORKER_POD, "eth0", "vxlan1", MacAddress.of(Specs.POD_MAC)));
    }

    @Test
    void without_a_bridge_on_the_worker_no_nft_rule_is_made_in_the_pods_namespace() throws Exception {
        Plan plan = WorkerPlan.of("abc", WORKER_POD, Specs.pod().withBridged(false), PEER, WORKER);
        assertThat(plan.ops().stream().map(op -> op.getClass().getSimpleName()))
                .containsExactly("Nft", "Link", "Redirect", "Redirect");
    }

    @Test
    void the_workers_rules_are_those_of_the_design() throws Exception {
        VmPeer twoAddresses = new VmPeer(ip("10.10.1.2"), List.of(ip("203.0.113.9"), ip("10.10.1.2")), 15151);
        Op.Nft nft = only(WorkerPlan.of("abc", WORKER_POD, Specs.pod(), twoAddresses, WORKER), Op.Nft.class);
        assertThat(nft.ns()).isEqualTo(NetnsRef.OWN);
        assertThat(nft.rules().table()).isEqualTo("peerpods-01234567");
        assertThat(nft.rules().chains()).contains(new NftRules.Chain("raw_prerouting", "filter", "prerouting", -300));
        assertThat(texts(nft))
                .containsExactly(
                        "udp dport 4789 ct state established",
                        "ip hdrlength > 5 udp dport 4789 counter drop",
                        "ip6 nexthdr != udp udp dport 4789 counter drop",
                        "udp dport 4789 @th,96,24 555000 ip saddr != 10.10.1.2 counter drop",
                        "meta nfproto ipv6 udp dport 4789 @th,96,24 555000 counter drop",
                        "ip saddr 10.10.1.2 udp dport 4789 notrack",
                        "ip daddr 10.10.1.2 udp dport 4789 notrack",
                        "ip daddr 203.0.113.9 tcp dport 15151 counter drop",
                        "ip daddr 10.10.1.2 tcp dport 15151 counter drop",
                        "ip saddr 10.244.1.2 ip daddr 169.254.169.254 counter drop");
    }

    @Test
    void both_ends_of_a_tunnel_are_of_one_family() {
        assertThatThrownBy(() -> WorkerPlan.of("abc", WORKER_POD, Specs.pod(), VmPeer.of(ip("fd00::2"), 15150), WORKER))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContaining("fd00::2");
    }

    @Test
    void the_vm_wears_the_pods_interface() throws Exception {
        Plan plan = PodVmPlan.of(Specs.pod(), UNDERLAY, null, VM);
        Op.Link link = only(plan, Op.Link.class);
        assertThat(link.name()).isEqualTo("eth0");
        assertThat(link.mac()).isEqualTo(MacAddress.of(Specs.POD_MAC));
        assertThat(link.mtu()).isEqualTo(1450);
        assertThat(link.kind()).isInstanceOfSatisfying(LinkKind.Vxlan.class, vxlan -> {
            assertThat(vxlan.attributes().remote()).isEqualTo(ip("10.10.0.1"));
            assertThat(vxlan.attributes().local()).isEqualTo(ip("10.10.1.2"));
        });
        assertThat(only(plan, Op.Address.class))
                .isEqualTo(new Op.Address(POD, "eth0", IpPrefix.of("10.244.1.2/24"), false));
        assertThat(unicast(plan).stream().map(Op.Route::destination))
                .containsExactly(IpPrefix.of("10.244.1.0/24"), IpPrefix.IPV4_DEFAULT);
        assertThat(plan.ops().getFirst()).isEqualTo(new Op.Namespace(POD));
        assertThat(of(plan, Op.Move.class)).isEmpty();
        assertThat(of(plan, Op.Rule.class)).isEmpty();
    }

    @Test
    void gateways_that_no_route_on_the_link_covers_are_onlink() throws Exception {
        PodNetworkSpec calico = withRoutes(
                "192.168.7.9/32",
                new PodRoute(IpPrefix.IPV4_DEFAULT, ip("169.254.1.1"), "eth0", "boot", "", 0, false),
                new PodRoute(IpPrefix.of("169.254.1.1/32"), null, "eth0", "boot", "link", 0, false));
        assertThat(unicast(PodVmPlan.of(calico, UNDERLAY, null, VM)))
                .extracting(Op.Route::onlink)
                .containsExactly(false, false);
        PodNetworkSpec bare = withRoutes(
                "192.168.7.9/32", new PodRoute(IpPrefix.IPV4_DEFAULT, ip("169.254.1.1"), "eth0", "boot", "", 0, false));
        assertThat(unicast(PodVmPlan.of(bare, UNDERLAY, null, VM)))
                .extracting(Op.Route::onlink)
                .containsExactly(true);
    }

    @Test
    void a_point_to_point_pod_has_its_own_subnet_by_the_gateway() throws Exception {
        PodNetworkSpec gke = withRoutes(
                "10.0.0.5/24",
                new PodRoute(IpPrefix.IPV4_DEFAULT, ip("10.0.0.1"), "eth0", "boot", "", 0, false),
                new PodRoute(IpPrefix.of("10.0.0.0/24"), ip("10.0.0.1"), "eth0", "boot", "", 0, false),
                new PodRoute(IpPrefix.of("10.0.0.1/32"), null, "eth0", "boot", "link", 0, false));
        Plan plan = PodVmPlan.of(gke, UNDERLAY, null, VM);
        assertThat(only(plan, Op.Address.class).connectedRoute()).isFalse();
        assertThat(unicast(plan).stream().map(Op.Route::destination))
                .containsExactly(IpPrefix.of("10.0.0.1/32"), IpPrefix.IPV4_DEFAULT, IpPrefix.of("10.0.0.0/24"));
    }

    @Test
    void routes_and_neighbours_of_other_interfaces_are_left_out() throws Exception {
        PodNetworkSpec spec = withRoutes(
                "10.0.0.5/24", new PodRoute(IpPrefix.of("10.9.0.0/16"), null, "net1", "kernel", "link", 0, false));
        assertThat(unicast(PodVmPlan.of(spec, UNDERLAY, null, VM))).isEmpty();
    }

    @Test
    void with_an_external_network_the_default_leaves_by_the_nic_and_answers_by_the_tunnel() throws Exception {
        PodNetworkSpec spec = Specs.pod(true, new PodNetworkSpec.Options(ip("10.96.0.1"), 0, false, false));
        Plan plan = PodVmPlan.of(spec, UNDERLAY, NIC, VM);
        assertThat(only(plan, Op.Move.class))
                .isEqualTo(new Op.Move(NetnsRef.OWN, MacAddress.of("02:00:00:00:00:06"), POD, "ens6"));
        assertThat(plan.ops()).contains(new Op.Address(POD, "ens6", IpPrefix.of("10.20.0.10/24")));
        assertThat(unicast(plan).stream().filter(route -> route.table() == Tables.MAIN))
                .extracting(route -> route.destination() + " " + route.dev())
                .containsExactly("10.244.1.0/24 eth0", "169.254.0.0/16 eth0", "10.96.0.1/32 eth0", "0.0.0.0/0 ens6");
        assertThat(unicast(plan).stream().filter(route -> route.table() == PodVmPlan.TUNNEL_TABLE))
                .extracting(route -> route.destination() + " " + route.dev())
                .containsExactly("10.244.1.0/24 eth0", "0.0.0.0/0 eth0");
        assertThat(unicast(plan).getLast().replace()).isTrue();
        assertThat(only(plan, Op.Rule.class).from()).isEqualTo(IpPrefix.of("10.244.1.2/32"));
        assertThat(indexOf(plan, Op.Rule.class)).isLessThan(indexOf(plan, Op.Move.class));
        assertThat(texts(of(plan, Op.Nft.class).getFirst()))
                .contains(
                        "ip saddr 10.244.1.2 tcp dport 15150 counter drop",
                        "ip saddr 10.20.0.10 tcp dport 15150 counter drop");
    }

    @Test
    void a_nic_that_is_called_as_the_pods_interface_gets_another_name() throws Exception {
        ExternalNic eth0 = new ExternalNic(NIC.mac(), "eth0", false, NIC.addresses(), ip("10.20.9.1"));
        Plan plan = PodVmPlan.of(Specs.pod(true, PodNetworkSpec.Options.NONE), UNDERLAY, eth0, VM);
        assertThat(only(plan, Op.Move.class).name()).isEqualTo("ext0");
        assertThat(unicast(plan).getLast().onlink()).isTrue();
    }

    @Test
    void the_spec_and_the_nics_must_agree() {
        assertThatThrownBy(() -> PodVmPlan.of(Specs.pod(), UNDERLAY, NIC, VM)).isInstanceOf(PodNetworkException.class);
        assertThatThrownBy(() -> PodVmPlan.of(Specs.pod(true, PodNetworkSpec.Options.NONE), UNDERLAY, null, VM))
                .isInstanceOf(PodNetworkException.class);
    }

    @Test
    void the_metadata_service_is_closed_unless_allowed() throws Exception {
        Plan guarded = PodVmPlan.of(Specs.pod(true, PodNetworkSpec.Options.NONE), UNDERLAY, NIC, VM);
        assertThat(of(guarded, Op.Route.class).stream()
                        .filter(route -> route.type() == RouteType.PROHIBIT)
                        .map(route -> route.destination() + " in " + route.table()))
                .containsExactly(
                        "169.254.169.254/32 in 254",
                        "169.254.169.254/32 in 15150",
                        "fd00:ec2::254/128 in 254",
                        "fd00:ec2::254/128 in 15150");
        assertThat(of(guarded, Op.Nft.class).getLast().ns()).isEqualTo(POD);
        assertThat(guarded.ops())
                .containsAll(PodVmPlan.guards(Specs.pod(true, PodNetworkSpec.Options.NONE), UNDERLAY, VM)
                        .ops());

        PodNetworkSpec.Options allowed = new PodNetworkSpec.Options(null, 0, false, true);
        Plan open = PodVmPlan.of(Specs.pod(false, allowed), UNDERLAY, null, VM);
        assertThat(of(open, Op.Route.class)).noneMatch(route -> route.type() == RouteType.PROHIBIT);
        assertThat(texts(of(open, Op.Nft.class).getLast()))
                .containsExactly(
                        "ip daddr 10.10.1.2 tcp dport 15150 counter drop",
                        "ip daddr 10.10.1.2 tcp dport 15150 counter drop");
        assertThat(texts(only(WorkerPlan.of("abc", WORKER_POD, Specs.pod(false, allowed), PEER, WORKER), Op.Nft.class)))
                .noneMatch(text -> text.contains("169.254.169.254"));
    }

    @Test
    void a_kernel_without_ipv6_is_not_asked_for_ipv6_routes() throws Exception {
        PodVmPlan.Place place = new PodVmPlan.Place(NetnsRef.OWN, POD, 15150, false);
        assertThat(of(PodVmPlan.of(Specs.pod(), UNDERLAY, null, place), Op.Route.class))
                .allMatch(route -> route.destination().isIpv4());
    }

    @Test
    void two_state_directories_have_two_tables() {
        assertThat(Ownership.workerTable(Path.of("/run/peerpod/state")))
                .matches("peerpods-[0-9a-f]{8}")
                .isEqualTo(Ownership.workerTable(Path.of("/run/peerpod/../peerpod/state/")))
                .isNotEqualTo(Ownership.workerTable(Path.of("/run/other")));
        assertThat(Ownership.sandboxOf(Ownership.ofSandbox("abc"))).contains("abc");
        assertThat(Ownership.sandboxOf("flannel")).isEmpty();
    }

    private static PodNetworkSpec withRoutes(String address, PodRoute... routes) {
        PodNetworkSpec spec = Specs.pod();
        PodInterface pod = new PodInterface("eth0", spec.pod().mac(), 1500, List.of(IpPrefix.of(address)));
        return new PodNetworkSpec(
                pod, spec.worker(), "vxlan", List.of(routes), List.of(), 0, 4789, 1, false, false, spec.options());
    }

    private static List<Op.Route> unicast(Plan plan) {
        return of(plan, Op.Route.class).stream()
                .filter(route -> route.type() == RouteType.UNICAST)
                .toList();
    }

    private static List<String> texts(Op.Nft nft) {
        return nft.rules().rules().stream().map(NftRules.Rule::text).toList();
    }

    private static <T extends Op> List<T> of(Plan plan, Class<T> kind) {
        return plan.ops().stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    private static <T extends Op> T only(Plan plan, Class<T> kind) {
        assertThat(of(plan, kind)).hasSize(1);
        return of(plan, kind).getFirst();
    }

    private static int indexOf(Plan plan, Class<? extends Op> kind) {
        return plan.ops().indexOf(of(plan, kind).getFirst());
    }
}
