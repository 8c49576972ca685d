package io.peerpods.network.vm;

import static io.peerpods.network.Specs.ip;
import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.Specs;
import io.peerpods.network.spec.PodNetworkSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class NameServerRoutesTest {
    private static final NetnsRef POD = NetnsRef.of("/run/netns/podns");

    @Test
    void finds_name_servers_in_resolv_conf_and_in_katas_list() {
        String resolvConf = """
                # nameserver 1.2.3.4
                search default.svc.cluster.local svc.cluster.local
                nameserver 10.96.0.10
                  nameserver\t169.254.20.10  # node-local
                nameserver fd00:10::a
                nameserver 10.96.0.10
                nameserver not.an.address
                options ndots:5
                8
                """;
        assertThat(NameServerRoutes.servers(List.of(resolvConf)))
                .containsExactly(ip("10.96.0.10"), ip("169.254.20.10"), ip("fd00:10::a"));
        assertThat(NameServerRoutes.servers(List.of("nameserver 10.96.0.10", "search a b", "8.8.8.8", "", "::")))
                .containsExactly(ip("10.96.0.10"), ip("8.8.8.8"), ip("::"));
    }

    @Test
    void each_gets_a_route_by_the_tunnel_when_the_pod_has_an_external_network() {
        PodNetworkSpec spec = Specs.pod(true, new PodNetworkSpec.Options(ip("10.96.0.1"), 0, false, false));
        Plan plan = NameServerRoutes.of(
                spec,
                List.of(
                        ip("10.96.0.10"),
                        ip("127.0.0.53"),
                        ip("10.96.0.1"),
                        ip("169.254.169.254"),
                        ip("fd00::a"),
                        ip("10.96.0.10")),
                POD);
        assertThat(plan.ops()).hasSize(1);
        assertThat(plan.ops().getFirst()).isInstanceOfSatisfying(Op.Route.class, route -> {
            assertThat(route.destination()).isEqualTo(IpPrefix.of("10.96.0.10/32"));
            assertThat(route.via()).isEqualTo(ip("10.244.1.1"));
            assertThat(route.dev()).isEqualTo("eth0");
        });
        assertThat(NameServerRoutes.of(Specs.pod(), List.of(ip("10.96.0.10")), POD)
                        .ops())
                .isEmpty();
    }
}
