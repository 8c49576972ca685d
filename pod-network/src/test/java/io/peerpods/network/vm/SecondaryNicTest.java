package io.peerpods.network.vm;

import static io.peerpods.network.Specs.ip;
import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpPrefix;
import io.peerpods.network.Kernels;
import io.peerpods.network.kernel.Kernel;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SecondaryNicTest {
    private static final Optional<Kernel> NO_POD = Optional.empty();

    @Test
    void the_metadata_service_knows_it_by_hardware_address_whatever_its_name_and_routes() {
        Kernel vm = new Kernels()
                .link("ens5", "", "10.10.1.2/16")
                .link("data0", "", "10.30.0.9/24")
                .link("weird", "")
                .route("0.0.0.0/0", "10.10.254.1", "ens5", 100)
                .route("0.0.0.0/0", "10.30.0.1", "data0", 300)
                .build();
        List<NicFacts> facts = List.of(
                new NicFacts(Kernels.mac(3), 2, List.of(IpPrefix.of("10.30.0.9/24")), ip("10.30.0.1")),
                new NicFacts(Kernels.mac(2), 0, List.of(IpPrefix.of("10.10.1.2/16")), ip("10.10.254.1")),
                new NicFacts(Kernels.mac(4), 1, List.of(IpPrefix.of("10.20.0.10/24")), ip("10.20.0.1")));
        assertThat(SecondaryNic.find(vm, NO_POD, "ens5", facts))
                .contains(new ExternalNic(
                        Kernels.mac(4), "weird", false, List.of(IpPrefix.of("10.20.0.10/24")), ip("10.20.0.1")));
    }

    @Test
    void what_a_dhcp_client_set_beats_what_the_service_says() {
        Kernel vm = new Kernels()
                .link("ens5", "", "10.10.1.2/16")
                .link("ens6", "", "10.20.0.77/25")
                .route("0.0.0.0/0", "10.20.0.2", "ens6", 200)
                .build();
        List<NicFacts> facts =
                List.of(new NicFacts(Kernels.mac(3), 1, List.of(IpPrefix.of("10.20.0.10/24")), ip("10.20.0.1")));
        assertThat(SecondaryNic.find(vm, NO_POD, "ens5", facts))
                .contains(new ExternalNic(
                        Kernels.mac(3), "ens6", false, List.of(IpPrefix.of("10.20.0.77/25")), ip("10.20.0.2")));
    }

    @Test
    void it_is_waited_for_while_the_service_lists_it_and_it_is_not_here_or_not_complete() {
        Kernel vm = new Kernels()
                .link("ens5", "", "10.10.1.2/16")
                .link("other", "", "10.9.0.1/24")
                .build();
        List<NicFacts> absent =
                List.of(new NicFacts(Kernels.mac(9), 1, List.of(IpPrefix.of("10.20.0.10/24")), ip("10.20.0.1")));
        assertThat(SecondaryNic.find(vm, NO_POD, "ens5", absent)).isEmpty();
        List<NicFacts> unknown = List.of(new NicFacts(Kernels.mac(3), 1, List.of(), null));
        assertThat(SecondaryNic.find(vm, NO_POD, "ens5", unknown)).isEmpty();
        List<NicFacts> onlyPrimary = List.of(new NicFacts(Kernels.mac(2), 0, List.of(), null));
        assertThat(SecondaryNic.find(vm, NO_POD, "ens5", onlyPrimary)).isEmpty();
    }

    @Test
    void without_metadata_it_is_the_first_real_nic_with_a_default_route_or_in_the_primarys_subnet() {
        Kernels kernels = new Kernels()
                .link("docker0", "bridge", "172.17.0.1/16")
                .link("veth12", "veth", "10.8.0.1/24")
                .link("mybridge", "bridge", "10.8.1.1/24")
                .link("ens5", "", "10.10.1.2/16")
                .link("data", "", "10.40.0.1/24")
                .link("bare", "")
                .link("ens6", "", "10.20.0.10/24")
                .route("0.0.0.0/0", "10.10.254.1", "ens5", 100)
                .route("0.0.0.0/0", "172.17.0.9", "docker0", 5)
                .route("0.0.0.0/0", "10.20.0.1", "ens6", 200);
        assertThat(SecondaryNic.find(kernels.build(), NO_POD, "ens5", List.of()))
                .hasValueSatisfying(nic -> {
                    assertThat(nic.name()).isEqualTo("ens6");
                    assertThat(nic.gateway()).isEqualTo(ip("10.20.0.1"));
                });
        Kernels sameSubnet = new Kernels()
                .link("ens5", "", "10.10.1.2/16")
                .link("ens7", "", "10.10.3.3/16")
                .route("0.0.0.0/0", "10.10.254.1", "ens5", 100);
        assertThat(SecondaryNic.find(sameSubnet.build(), NO_POD, "ens5", List.of()))
                .hasValueSatisfying(nic -> {
                    assertThat(nic.name()).isEqualTo("ens7");
                    assertThat(nic.gateway()).isEqualTo(ip("10.10.254.1"));
                });
    }

    @Test
    void after_a_restart_it_is_found_in_the_pods_namespace() {
        Kernel vm = new Kernels()
                .link("ens5", "", "10.10.1.2/16")
                .route("0.0.0.0/0", "10.10.254.1", "ens5", 100)
                .build();
        Optional<Kernel> pod = Optional.of(new Kernels()
                .vxlan("eth0", 555000, 4789, "peerpods:podvm")
                .link("ens6", "", "10.20.0.10/24")
                .route("0.0.0.0/0", "10.20.0.1", "ens6", 0)
                .build());
        ExternalNic expected =
                new ExternalNic(Kernels.mac(3), "ens6", true, List.of(IpPrefix.of("10.20.0.10/24")), ip("10.20.0.1"));
        assertThat(SecondaryNic.find(vm, pod, "ens5", List.of())).contains(expected);
        List<NicFacts> facts =
                List.of(new NicFacts(Kernels.mac(3), 1, List.of(IpPrefix.of("10.20.0.10/24")), ip("10.20.0.1")));
        assertThat(SecondaryNic.find(vm, pod, "ens5", facts)).contains(expected);
    }
}
