package io.peerpods.adaptor.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.network.spec.PodNetworkException;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.worker.TunnelProbe;
import io.peerpods.proto.tunnelprobe.ReceivedResponse;
import io.peerpods.relay.AgentEdits;
import io.peerpods.relay.AgentRelay;
import io.peerpods.relay.Forwarder;
import io.peerpods.relay.ForwarderOptions;
import io.peerpods.relay.RelayOptions;
import io.peerpods.relay.Transport;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import io.peerpods.ttrpc.TtrpcServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tunnel through which nothing comes back, with VMs that can and cannot say what they got. */
@NeedsRoot
@NeedsProgram({"ip", "tc"})
class TunnelCheckTest {

    private static final String NETWORK = """
            {"podip":"10.244.1.5/24","pod-hw-addr":"02:00:00:00:00:05","interface":"eth0","worker-node-ip":"192.0.2.10/24",
             "tunnel-type":"vxlan","routes":null,"neighbors":null,"mtu":1450,"index":0,
             "vxlan-port":4790,"vxlan-id":555000,"dedicated":false,"external-net-via-pod-vm":false}""";

    @TempDir
    private Path directory;

    /** The forwarder hands the question to the agent, as the existing one does; the agent has no such service. */
    @Test
    void aVmOfTheExistingSystemIsNotProbed() throws Exception {
        Path agent = directory.resolve("agent.sock");
        try (TtrpcServer _ = TtrpcServer.builder().listen(UnixDomainSocketAddress.of(agent))) {
            check(agent, AgentEdits.NONE);
        }
    }

    @Test
    void aTunnelFromWhichNoAnswerComesNamesPortAddressesAndDirection() {
        assertThatThrownBy(() -> check(directory.resolve("none.sock"), vmThatGot(0)))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContaining("UDP port 4790 is dropped from the worker 192.0.2.10 to the VM 192.0.2.20");
        assertThatThrownBy(() -> check(directory.resolve("none.sock"), vmThatGot(7)))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageContaining("UDP port 4790 is dropped from the VM 192.0.2.20 to the worker 192.0.2.10")
                .hasMessageContaining("7 probes");
    }

    private void check(Path agent, AgentEdits vmEdits) throws Exception {
        PodNetworkSpec spec =
                PodNetworkSpec.fromJson(JsonParser.parseString(NETWORK).getAsJsonObject());
        ForwarderOptions vm = ForwarderOptions.of(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), agent, Transport.plain());
        try (TempNetns pod = TempNetns.createWithoutIpv6("probed");
                Forwarder forwarder = Forwarder.listen(vm.with(vmEdits));
                AgentRelay relay =
                        AgentRelay.listen(RelayOptions.of("VM", directory.resolve("shim.sock"), Transport.plain()))) {
            relay.agentAt(forwarder.address());
            // A peer that takes every frame and answers none.
            pod.exec("ip", "link", "add", "vxlan1", "type", "veth", "peer", "name", "silent");
            pod.exec("ip", "link", "set", "silent", "up");
            pod.exec("ip", "link", "set", "vxlan1", "up");
            pod.exec("tc", "qdisc", "add", "dev", "vxlan1", "clsact");
            try (TunnelCheck tunnel = new TunnelCheck(
                    spec, IpAddresses.parse("192.0.2.20"), TunnelProbe.open(NetnsRef.of(pod.path()), spec))) {
                // A VM that is to be skipped must not use this time up: the failure would name it.
                tunnel.require(relay, Duration.ofMillis(500));
            }
        }
    }

    private static AgentEdits vmThatGot(int probes) {
        return new AgentEdits() {
            @Override
            public boolean concern(String service, String method) {
                return service.equals("peerpods.TunnelProbe");
            }

            @Override
            public Optional<ByteString> answer(String service, String method, ByteString payload) {
                assertThat(method).isEqualTo("Received");
                return Optional.of(
                        ReceivedResponse.newBuilder().setProbes(probes).build().toByteString());
            }

            @Override
            public ByteString edit(String service, String method, ByteString payload) {
                return payload;
            }
        };
    }
}
