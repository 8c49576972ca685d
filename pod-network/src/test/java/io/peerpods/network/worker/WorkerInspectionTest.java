package io.peerpods.network.worker;

import static io.peerpods.network.Specs.ip;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.Neighbour;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.network.Kernels;
import io.peerpods.network.kernel.Kernel;
import io.peerpods.network.spec.PodInterface;
import io.peerpods.network.spec.PodNeighbour;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.spec.PodRoute;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The rules of the inspection on made-up namespaces; real ones are in the kernel tests. */
class WorkerInspectionTest {
    private static final WorkerUnderlay UNDERLAY = new WorkerUnderlay("ens5", IpPrefix.of("10.10.0.1/16"), false);

    @Test
    void a_pod_of_a_bridge_cni() throws Exception {
        Kernels kernels = new Kernels()
                .link("eth0", "veth", "10.244.1.2/24")
                .address("eth0", "fe80::1/64", RouteScope.LINK)
                .route("0.0.0.0/0", "10.244.1.1", "eth0", 0)
                .route("10.244.1.0/24", "", "eth0", 0, 2, null)
                .route("10.244.0.0/16", "10.244.1.1", "eth0", 0, 186, null);
        WorkerInspection.Result result = inspect(kernels, "10.96.0.0/12, 10.244.0.0/16");
        assertThat(result.warnings()).isEmpty();
        assertThat(result.spec().pod())
                .isEqualTo(new PodInterface("eth0", Kernels.mac(2), 1500, List.of(IpPrefix.of("10.244.1.2/24"))));
        assertThat(result.spec().worker()).isEqualTo(IpPrefix.of("10.10.0.1/16"));
        assertThat(result.spec().routes())
                .containsExactly(
                        new PodRoute(IpPrefix.IPV4_DEFAULT, ip("10.244.1.1"), "eth0", "boot", "", 0, false),
                        // a routing daemon's protocol is static in the VM
                        new PodRoute(IpPrefix.of("10.244.0.0/16"), ip("10.244.1.1"), "eth0", "static", "", 0, false),
                        new PodRoute(IpPrefix.of("10.244.1.0/24"), null, "eth0", "kernel", "link", 0, false),
                        new PodRoute(IpPrefix.of("10.96.0.0/12"), ip("10.244.1.1"), "eth0", "", "", 0, false));
    }

    @Test
    void the_primary_interface_is_that_of_the_default_route_with_the_lowest_metric() throws Exception {
        Kernels kernels = new Kernels()
                .link("net1", "veth", "10.1.0.2/24")
                .link("enp0s5", "veth", "10.2.0.2/24")
                .route("0.0.0.0/0", "10.1.0.1", "net1", 200)
                .route("0.0.0.0/0", "10.2.0.1", "enp0s5", 100);
        WorkerInspection.Result result = inspect(kernels, "");
        assertThat(result.spec().pod().name()).isEqualTo("enp0s5");
        assertThat(result.warnings()).hasSize(1);
        assertThat(result.warnings().getFirst()).contains("default/nginx", "net1");
    }

    @Test
    void a_metric_beyond_31_bits_is_not_the_lowest() throws Exception {
        Kernels kernels = new Kernels()
                .link("net1", "veth", "10.1.0.2/24")
                .link("net2", "veth", "10.2.0.2/24")
                .route("0.0.0.0/0", "10.1.0.1", "net1", -1)
                .route("0.0.0.0/0", "10.2.0.1", "net2", 5);
        assertThat(inspect(kernels, "").spec().pod().name()).isEqualTo("net2");
    }

    @Test
    void permanent_neighbours_go_along() throws Exception {
        Kernels kernels = new Kernels()
                .link("eth0", "veth", "192.168.7.9/32")
                .route("0.0.0.0/0", "169.254.1.1", "eth0", 0)
                .route("169.254.1.1/32", "", "eth0", 0);
        MacAddress mac = MacAddress.of("ee:ee:ee:ee:ee:ee");
        List<Neighbour> neighbours = List.of(
                new Neighbour(2, ip("169.254.1.1"), mac, Neighbour.PERMANENT),
                new Neighbour(2, ip("169.254.1.2"), mac, Neighbour.REACHABLE),
                new Neighbour(2, ip("169.254.1.3"), null, Neighbour.PERMANENT),
                new Neighbour(3, ip("169.254.1.4"), mac, Neighbour.PERMANENT));
        PodNetworkSpec spec = new WorkerInspection.Namespace(
                        request(""), "pod default/nginx", kernels.build(), neighbours)
                .describe(UNDERLAY)
                .spec();
        assertThat(spec.neighbours()).containsExactly(new PodNeighbour(ip("169.254.1.1"), mac, "eth0", "permanent"));
    }

    @Test
    void a_dual_stack_pod_gets_ipv4_and_one_warning() throws Exception {
        Kernels kernels = new Kernels()
                .link("eth0", "veth", "10.244.1.2/24", "fd00:244::2/64")
                .route("0.0.0.0/0", "10.244.1.1", "eth0", 0);
        WorkerInspection.Result result = inspect(kernels, "");
        assertThat(result.spec().pod().addresses()).containsExactly(IpPrefix.of("10.244.1.2/24"));
        assertThat(result.warnings()).hasSize(1);
        assertThat(result.warnings().getFirst()).contains("pod default/nginx", "fd00:244::2/64");
    }

    @Test
    void thePodOfAnIpv6ClusterIsNotTakenForItsIpv4EgressInterface() {
        // As EKS makes it: eth0 has the pod's IPv6 address, v4if0 a link-local IPv4 address and the IPv4 default route.
        Kernels kernels = new Kernels()
                .link("eth0", "veth", "2001:db8::2/128")
                .link("v4if0", "veth", "169.254.172.9/22")
                .route("0.0.0.0/0", "169.254.172.1", "v4if0", 0);
        assertThatThrownBy(() -> inspect(kernels, ""))
                .hasMessageContainingAll("pod default/nginx", "eth0", "2001:db8::2/128", "IPv4 is what");
    }

    @Test
    void theInterfaceOfThePodsStatusIsCarriedThoughAnotherHasTheDefaultRoute() throws Exception {
        Kernels kernels = new Kernels()
                .link("eth0", "veth", "10.244.1.2/24")
                .link("v4if0", "veth", "169.254.172.9/22")
                .route("10.96.0.0/12", "10.244.1.1", "eth0", 0)
                .route("0.0.0.0/0", "169.254.172.1", "v4if0", 0);
        WorkerInspection.Result result = inspect(kernels, "");
        assertThat(result.spec().pod().name()).isEqualTo("eth0");
        assertThat(result.warnings()).hasSize(1);
        assertThat(result.warnings().getFirst()).contains("v4if0");
    }

    @Test
    void what_cannot_be_carried_is_said_with_the_pods_name() {
        assertThatThrownBy(() -> inspect(
                        new Kernels()
                                .link("eth0", "veth", "10.0.0.2/24", "10.0.0.3/24")
                                .route("0.0.0.0/0", "10.0.0.1", "eth0", 0),
                        ""))
                .hasMessageContainingAll("pod default/nginx", "eth0", "10.0.0.2/24", "10.0.0.3/24");
        assertThatThrownBy(() -> inspect(
                        new Kernels().link("eth0", "veth", "fd00::2/64").route("0.0.0.0/0", "10.0.0.1", "eth0", 0), ""))
                .hasMessageContainingAll("pod default/nginx", "no IPv4 address");
        assertThatThrownBy(() -> inspect(new Kernels(), ""))
                .hasMessageContainingAll("pod default/nginx", "no default route", "CNI");
        assertThatThrownBy(() ->
                        inspect(new Kernels().link("a", "veth", "10.0.0.2/24").link("b", "veth", "10.1.0.2/24"), ""))
                .hasMessageContainingAll("pod default/nginx", "a, b");
    }

    @Test
    void a_pod_without_default_route_has_the_one_interface_that_has_an_address() throws Exception {
        Kernels kernels = new Kernels().link("net0", "veth", "10.0.0.2/24").route("10.0.0.0/24", "", "net0", 0);
        PodNetworkSpec spec = inspect(kernels, "10.9.0.0/16").spec();
        assertThat(spec.pod().name()).isEqualTo("net0");
        assertThat(spec.routes())
                .contains(new PodRoute(IpPrefix.of("10.9.0.0/16"), null, "net0", "", "link", 0, false));
    }

    @Test
    void the_workers_address_is_the_default_routes_source_or_the_first() throws Exception {
        Kernels kernels = new Kernels()
                .link("ens5", "", "10.10.0.9/16", "10.10.0.1/16")
                .link("ens6", "", "10.11.0.1/16")
                .route("0.0.0.0/0", "10.10.0.254", "ens5", 0, 16, "10.10.0.1");
        assertThat(choose("", kernels)).isEqualTo(new WorkerUnderlay("ens5", IpPrefix.of("10.10.0.1/16"), false));
        assertThat(choose("ens5", kernels).dedicated()).isFalse();
        assertThat(choose("ens6", kernels)).isEqualTo(new WorkerUnderlay("ens6", IpPrefix.of("10.11.0.1/16"), true));
        assertThatThrownBy(() -> choose("ens7", kernels)).hasMessageContainingAll("ens7", "ens5", "ens6");
        assertThatThrownBy(() -> choose("", new Kernels())).hasMessageContaining("-host-interface");
        assertThatThrownBy(() -> choose("ens8", new Kernels().link("ens8", "")))
                .hasMessageContaining("no IPv4 address");
    }

    @Test
    void somebody_elses_vxlan_on_our_port_is_named_and_another_port_proposed() {
        Kernel kernel = new Kernels()
                .vxlan("cilium_vxlan", 4096, 4789, "", "external")
                .vxlan("other", 7, 4790, "", "gbp")
                .vxlan("vxlan1", 555000, 4791, "peerpods:abc")
                .vxlan("vxlan.calico", 4096, 4792, "")
                .vxlan("ppvxlan2", 555003, 4792, "")
                .build();
        assertThat(ForeignVxlan.conflict(4789, 555000, kernel.links()).orElseThrow())
                .contains("4789", "cilium_vxlan", "4096", "external", "such as 4791", "VXLAN_PORT");
        assertThat(ForeignVxlan.conflict(4791, 555000, kernel.links())).isEmpty();
        assertThat(ForeignVxlan.conflict(8472, 555000, kernel.links())).isEmpty();
        assertThat(ForeignVxlan.conflict(4792, 555004, kernel.links())).isEmpty();
        assertThat(ForeignVxlan.conflict(4792, 555000, kernel.links()).orElseThrow())
                .contains("Go cloud-api-adaptor", "ip link del ppvxlan2");
        assertThat(ForeignVxlan.conflict(
                                8471,
                                555000,
                                new Kernels()
                                        .vxlan("flannel.1", 1, 8471, "", "udp6zerocsumrx")
                                        .build()
                                        .links())
                        .orElseThrow())
                .contains("such as 8473");
    }

    private static WorkerUnderlay choose(String hostInterface, Kernels kernels) throws PodNetworkException {
        return WorkerUnderlay.choose(hostInterface, kernels.build(), (destination, link) -> Optional.empty());
    }

    private static WorkerInspection.Result inspect(Kernels kernels, String cidrs) throws PodNetworkException {
        return new WorkerInspection.Namespace(request(cidrs), "pod default/nginx", kernels.build(), List.of())
                .describe(UNDERLAY);
    }

    private static WorkerInspection.Request request(String cidrs) {
        return new WorkerInspection.Request(
                "/run/netns/x", "default/nginx", "", PodSubnetCidrs.parse(cidrs), false, PodNetworkSpec.Options.NONE);
    }
}
