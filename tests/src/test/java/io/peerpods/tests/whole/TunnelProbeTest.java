package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.PacketSocket;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.sys.NativeThreads;
import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.KataPod;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.Shim;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A firewall that drops the tunnel's UDP port: StartVM says which way is closed, instead of a pod that runs without a network. */
@Tag("root")
@NeedsDistributions
class TunnelProbeTest {

    private static final int ETHERTYPE = 0x88b5;

    @SuppressWarnings("NullAway.Init")
    private static Lab lab;

    @SuppressWarnings("NullAway.Init")
    private static Adaptor adaptor;

    @BeforeAll
    static void make() throws InterruptedException {
        lab = Lab.make();
        adaptor = lab.adaptor(Adaptor.Options.of(PodConnection.BY_WORKER));
    }

    @AfterAll
    static void end() {
        lab.close();
    }

    @Test
    void aWorkerThatDropsTheTunnelsPacketsFromTheVmIsNamed() throws Exception {
        Refused refused = refusal("input", "udp dport 4789 drop");
        assertThat(refused.text()).contains("from the VM " + refused.vm() + " to the worker " + worker());
    }

    @Test
    void aWorkerThatDropsTheTunnelsPacketsToTheVmIsNamed() throws Exception {
        Refused refused = refusal("output", "udp dport 4789 drop");
        assertThat(refused.text())
                .contains("from the worker " + worker() + " to the VM " + refused.vm())
                .contains("no probe reached the VM");
    }

    @Test
    void aWorkerThatDropsTheTunnelsPacketsBothWaysIsNamed() throws Exception {
        lab.cluster().worker().nft(drop("other", "input", "udp dport 4789 drop"));
        try {
            Refused refused = refusal("output", "udp dport 4789 drop");
            assertThat(refused.text()).contains("from the worker " + worker() + " to the VM " + refused.vm());
        } finally {
            lab.cluster().worker().nft("delete table inet other");
        }
    }

    /** Every probe has to cross twice: one in four comes back. */
    @Test
    void aTunnelThatLosesHalfOfItsPacketsIsNoFailure() throws Exception {
        Place worker = lab.cluster().worker();
        worker.nft(drop("lossy_in", "input", "udp dport 4789 numgen inc mod 2 0 drop"));
        worker.nft(drop("lossy_out", "output", "udp dport 4789 numgen random mod 2 0 drop"));
        ClusterPod cni = lab.cluster().newPod();
        try (WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {})) {
            pod.stop();
        } finally {
            worker.nft("delete table inet lossy_in");
            worker.nft("delete table inet lossy_out");
        }
        awaitNothingLeft(cni);
    }

    @Test
    void probesStayOffTheBridgeOfTheCni() throws Exception {
        Place worker = lab.cluster().worker();
        worker.nft("""
                table bridge probes {
                  counter seen { }
                  chain at { type filter hook prerouting priority -300; ether type 0x88b5 counter name seen
                  }
                }
                """);
        ClusterPod cni = lab.cluster().newPod();
        try (WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {})) {
            assertThat(pod.exec(
                                    "ping",
                                    "-c",
                                    "1",
                                    "-W",
                                    "20",
                                    IpAddresses.text(lab.cluster().neighbourAddress()))
                            .ok())
                    .as("the pod has a network")
                    .isTrue();
            Place inPod = new Place("the pod's namespace", cni.namespace());
            assertThat(inPod.require("tc", "-s", "filter", "show", "dev", "vxlan1", "ingress"))
                    .as("the filter that keeps probes from the redirect")
                    .containsPattern("0x88b5|\\[34997]");
            assertThat(inPod.require("ip", "neigh", "show", "dev", "vxlan1")).isEmpty();
            MacAddress tunnel = mac(inPod, "vxlan1");
            assertThat(worker.require("bridge", "fdb", "show")).doesNotContain(tunnel.toString());
            assertThat(seen(worker)).as("probes on the bridge").contains("packets 0 ");

            sendFrame(new Place("a neighbour", lab.cluster().neighbour().namespace()));
            Until.holds(
                    "the counter sees a frame of that type", () -> !seen(worker).contains("packets 0 "));
            pod.stop();
        } finally {
            worker.nft("delete table bridge probes");
        }
        awaitNothingLeft(cni);
    }

    private static String seen(Place worker) {
        return worker.require("nft", "list", "counter", "bridge", "probes", "seen");
    }

    private static MacAddress mac(Place place, String link) throws Exception {
        return place.call(() -> {
            try (Rtnl rtnl = Rtnl.open()) {
                return Objects.requireNonNull(rtnl.link(link).orElseThrow().mac());
            }
        });
    }

    private static void sendFrame(Place from) throws Exception {
        MacAddress own = mac(from, "eth0");
        PacketSocket socket = from.call(() -> {
            try (Rtnl rtnl = Rtnl.open()) {
                return PacketSocket.open(rtnl.link("eth0").orElseThrow().index(), ETHERTYPE);
            }
        });
        byte[] frame = ByteBuffer.allocate(60)
                .put(MacAddress.of("02:00:00:00:00:99").bytes())
                .put(own.bytes())
                .putShort((short) ETHERTYPE)
                .array();
        NativeThreads.call(() -> {
            socket.send(frame);
            socket.close();
            return true;
        });
    }

    /** What StartVM said, and the address of the VM that it said it of. */
    private record Refused(String text, String vm) {}

    /** Starts a pod while the worker has the rule. */
    private static Refused refusal(String hook, String rule) throws Exception {
        Place worker = lab.cluster().worker();
        worker.nft(drop("firewall", hook, rule));
        ClusterPod cni = lab.cluster().newPod();
        String id = KataPod.newId();
        Shim shim = adaptor.shim();
        try {
            shim.createVm(id, cni.name(), "default", cni.namespace().toString());
            StatusRuntimeException failed = catchThrowableOfType(StatusRuntimeException.class, () -> shim.startVm(id));
            assertThat(failed).as("the failure of StartVM").isNotNull();
            Status status = failed.getStatus();
            String text = String.valueOf(status.getDescription());
            assertThat(status.getCode()).as(text).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(text).contains("UDP port 4789").contains(id);
            String vm = text.replaceFirst("(?s).* the VM ([0-9.]+).*", "$1");
            assertThat(vm).isNotEqualTo(worker()).matches("10\\.\\d+\\.\\d+\\.\\d+");
            return new Refused(text, vm);
        } finally {
            worker.nft("delete table inet firewall");
            shim.stopVm(id);
            awaitNothingLeft(cni);
        }
    }

    private static String worker() {
        return IpAddresses.text(lab.cluster().workerAddress());
    }

    private static String drop(String table, String hook, String rule) {
        return """
                table inet %s {
                  chain at { type filter hook %s priority 0; policy accept;
                    %s
                  }
                }
                """.formatted(table, hook, rule);
    }

    private static void awaitNothingLeft(ClusterPod cni) throws InterruptedException {
        Until.holds(
                "nothing is left",
                () -> LeftoverReport.ofPods(
                                lab.cluster(),
                                lab.cluster().worker(),
                                List.of(new Place(cni.name(), cni.namespace())),
                                adaptor)
                        .isEmpty());
    }
}
