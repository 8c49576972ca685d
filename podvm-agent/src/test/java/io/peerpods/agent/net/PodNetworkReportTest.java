package io.peerpods.agent.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.op.Difference;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Op;
import io.peerpods.network.vm.ForeignSources;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What {@code podvm-agent -verify} prints. */
class PodNetworkReportTest {

    private static final Op FIRST = new Op.Address(NetnsRef.OWN, "eth0", IpPrefix.of("10.244.1.5/24"));
    private static final Op SECOND = new Op.Address(NetnsRef.OWN, "eth0", IpPrefix.of("10.244.1.6/24"));

    @Test
    void packetsOfAPeerWithAnotherAddressThanTheWorkersAreNamedWithTheWayOut() {
        ForeignSources.Source source =
                new ForeignSources.Source(IpAddresses.parse("10.10.0.66"), 12, IpAddresses.parse("10.10.0.1"));

        List<String> lines = new PodNetwork.Report(List.of(FIRST), List.of(), List.of(source)).lines();

        assertThat(lines).hasSize(3);
        assertThat(lines.get(1))
                .startsWith("DROPPED  12 packets for the tunnel from 10.10.0.66 are dropped: the worker is 10.10.0.1")
                .contains("-host-interface");
        assertThat(lines.getLast()).isEqualTo("1 as planned but 0");
    }

    @Test
    void whatDiffersIsNamedBesideWhatIsAsPlanned() {
        List<String> lines = new PodNetwork.Report(
                        List.of(FIRST, SECOND), List.of(new Difference(SECOND, "it is not there")), List.of())
                .lines();

        assertThat(lines)
                .containsExactly(
                        "ok       " + FIRST.describe(),
                        "DIFFERS  " + SECOND.describe() + ": it is not there",
                        "2 as planned but 1");
    }
}
