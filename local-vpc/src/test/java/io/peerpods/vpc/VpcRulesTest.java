package io.peerpods.vpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.linux.IpAddresses;
import io.peerpods.vpc.model.Subnet;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.net.Names;
import io.peerpods.vpc.service.DnsServer;
import io.peerpods.vpc.service.MetadataTokens;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmMounts;
import io.peerpods.vpc.vm.VmService;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What needs no root: addresses, tokens, names, mounts. */
class VpcRulesTest {

    private static final Map<String, java.net.InetAddress> NAMES =
            Map.of("internet.example", IpAddresses.parse("203.0.113.10"));

    @Test
    void aSubnetCountsItsHosts() {
        Subnet subnet = Subnet.of("10.20.0.0/24");
        assertThat(subnet.gateway()).isEqualTo(IpAddresses.parse("10.20.0.1"));
        assertThat(subnet.host(255)).isEqualTo(IpAddresses.parse("10.20.0.255"));
        assertThat(Subnet.of("192.168.255.0/28").host(15)).isEqualTo(IpAddresses.parse("192.168.255.15"));
        assertThat(Subnet.of("10.10.0.0/16").host(256 + 2)).isEqualTo(IpAddresses.parse("10.10.1.2"));
    }

    @Test
    void aBadVpcIsRefused() {
        assertThatThrownBy(() -> Subnet.of("10.20.0.1/24")).hasMessageContaining("without host bits");
        assertThatThrownBy(() -> Subnet.of("10.20.0.0/29")).hasMessageContaining("/28");
        assertThatThrownBy(() -> Subnet.of("fd00::/64")).hasMessageContaining("IPv4");
        assertThatThrownBy(() -> Subnet.of("10.20.0.0/24", "10.21.0.1")).hasMessageContaining("not in");
        assertThatThrownBy(
                        () -> VpcSpec.DEFAULT.withSubnets(List.of(Subnet.of("10.0.0.0/8"), Subnet.of("10.20.0.0/24"))))
                .hasMessageContaining("overlap");
        assertThatThrownBy(() -> VpcSpec.DEFAULT.withMtu(500)).hasMessageContaining("MTU");
    }

    @Test
    void aTokenEndsWithItsTime() {
        String key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        Instant start = Instant.parse("2026-01-01T00:00:00Z");
        String token = new MetadataTokens(key, Clock.fixed(start, ZoneOffset.UTC)).issue("one", Duration.ofSeconds(60));
        MetadataTokens soon = new MetadataTokens(key, Clock.fixed(start.plusSeconds(59), ZoneOffset.UTC));
        MetadataTokens late = new MetadataTokens(key, Clock.fixed(start.plusSeconds(60), ZoneOffset.UTC));
        assertThat(soon.remaining("one", token)).contains(Duration.ofSeconds(1));
        assertThat(late.remaining("one", token)).isEmpty();
        assertThat(soon.remaining("two", token)).isEmpty();
        assertThat(soon.remaining("one", "no token at all")).isEmpty();
    }

    @Test
    void namesAreAnsweredAndUnknownOnesDenied() {
        assertThat(ask("internet.example", 1).remaining())
                .isGreaterThan(ask("internet.example", 28).remaining());
        assertThat(ask("internet.example", 28).getShort(2)).isEqualTo((short) 0x8180);
        assertThat(ask("INTERNET.example", 1).getShort(6)).isEqualTo((short) 1);
        assertThat(ask("elsewhere.example", 1).getShort(2)).isEqualTo((short) 0x8183);
    }

    @Test
    void brokenQuestionsAreNotAnswered() {
        ByteBuffer good = query("internet.example", 1);
        for (int length = 0; length < good.limit(); length++) {
            assertThat(DnsServer.answer(good.slice(0, length), NAMES)).isEmpty();
        }
        ByteBuffer pointer = query("internet.example", 1).put(12, (byte) 0xc0);
        assertThat(DnsServer.answer(pointer, NAMES)).isEmpty();
        ByteBuffer response = query("internet.example", 1).putShort(2, (short) 0x8180);
        assertThat(DnsServer.answer(response, NAMES)).isEmpty();
    }

    private static ByteBuffer ask(String name, int type) {
        Optional<ByteBuffer> answer = DnsServer.answer(query(name, type), NAMES);
        return answer.orElseThrow();
    }

    private static ByteBuffer query(String name, int type) {
        ByteBuffer query = ByteBuffer.allocate(512);
        query.putShort((short) 7).putShort((short) 0x0100).putShort((short) 1);
        query.putShort((short) 0).putInt(0);
        for (String label : name.split("\\.", -1)) {
            query.put((byte) label.length()).put(label.getBytes(StandardCharsets.US_ASCII));
        }
        return query.put((byte) 0).putShort((short) type).putShort((short) 1).flip();
    }

    @Test
    void anotherVpcHasOtherNamesAndMacs() {
        assertThat(new Names("pp000001").mac("x")).isNotEqualTo(new Names("pp000002").mac("x"));
        assertThat(new Names("pp000001").mac("x")).isEqualTo(new Names("pp000001").mac("x"));
        assertThat(new Names("pp000001").mac("x").toString()).startsWith("06:");
        assertThat(new Names("pp000001").vpc()).startsWith("pp000001-");
    }

    @Test
    void aHiddenDirectoryBelowAnotherHiddenOneIsMountedOnce() {
        VmService service = new VmService(
                "x",
                List.of("/bin/true"),
                Map.of(),
                List.of(Path.of("/tmp/a/b.jar"), Path.of("/tmp/a/c/d.jar"), Path.of("/usr/e.jar")));
        List<String> lines = new VmMounts(Path.of("/var/vpc"), new VmImage(List.of(service))).lines();
        assertThat(lines.stream().filter(line -> line.contains("/tmp/a"))).hasSize(2);
        assertThat(lines.stream().filter(line -> line.contains("/usr"))).isEmpty();
    }
}
