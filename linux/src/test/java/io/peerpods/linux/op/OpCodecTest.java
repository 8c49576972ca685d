package io.peerpods.linux.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteScope;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.linux.nft.NftRules;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OpCodecTest {

    private static final NetnsRef NS = NetnsRef.of("/run/netns/podns");
    private static final MacAddress MAC = MacAddress.of("02:00:00:00:00:01");

    static Stream<Op> ops() {
        VxlanAttributes plain = VxlanAttributes.unicast(555000, 4789, IpAddresses.parse("10.0.0.7"));
        VxlanAttributes full = new VxlanAttributes(
                7,
                4790,
                IpAddresses.parse("fd00::7"),
                IpAddresses.parse("fd00::8"),
                "ens5",
                1000,
                2000,
                false,
                9,
                1,
                VxlanAttributes.Df.INHERIT,
                true,
                30,
                true,
                false);
        return Stream.of(
                new Op.Namespace(NS),
                new Op.Link(NS, "vx", new LinkKind.Vxlan(NetnsRef.OWN, plain), null, 0, false),
                new Op.Link(NS, "vx", new LinkKind.Vxlan(NetnsRef.OWN, full), MAC, 1450, true, "br0"),
                new Op.Link(NetnsRef.OWN, "br0", new LinkKind.Bridge(), null, 0, true),
                new Op.Link(NS, "veth0", new LinkKind.Veth("veth1", NetnsRef.OWN), null, 9001, true),
                new Op.Move(NetnsRef.OWN, MAC, NS, "ens6"),
                new Op.Rename(NS, "a", "b"),
                new Op.Mtu(NS, "eth0", 1450),
                new Op.Up(NS, "eth0"),
                new Op.Address(NS, "eth0", IpPrefix.of("10.244.1.2/24")),
                new Op.Address(NS, "eth0", IpPrefix.of("fd00::2/64"), false),
                Op.Route.unicast(NS, IpPrefix.IPV4_DEFAULT, IpAddresses.parse("10.244.1.1"), "eth0"),
                new Op.Route(
                        NS,
                        -1,
                        IpPrefix.of("fd00::/8"),
                        IpAddresses.parse("fe80::1"),
                        "eth0",
                        RouteType.UNICAST,
                        16,
                        RouteScope.LINK,
                        100,
                        true,
                        RouteMetrics.ofMtu(1300).with(RouteMetrics.ADVMSS, 1200),
                        IpAddresses.parse("fd00::5"),
                        true),
                Op.Route.refusal(NS, IpPrefix.of("169.254.169.254/32"), RouteType.PROHIBIT),
                new Op.Rule(NS, 100, IpPrefix.of("10.244.1.2/32"), null, 45000),
                new Op.Rule(NS, 101, null, IpPrefix.of("10.0.0.0/8"), 100),
                new Op.Neighbour(NS, "eth0", IpAddresses.parse("169.254.1.1"), MAC),
                new Op.Fdb(NS, "vx", MacAddress.ZERO, IpAddresses.parse("10.0.0.7")),
                new Op.Fdb(NS, "vx", MAC, IpAddresses.parse("fd00::7"), 4790),
                new Op.Redirect(NS, "eth0", "vx"),
                new Op.Hairpin(NS, "eth0", "vx", MacAddress.of("02:00:00:00:00:01")),
                new Op.Nft(
                        NetnsRef.OWN,
                        new NftRules(
                                "inet",
                                "peerpods-0a1b2c3d",
                                List.of(new NftRules.Chain("pre", "filter", "prerouting", -300)),
                                List.of(new NftRules.Rule("pre", "iifname \"eth0\" udp dport 4789 notrack")))),
                new Op.Nft(
                        NS,
                        new NftRules(
                                "inet",
                                "peerpods",
                                List.of(new NftRules.Chain("pre", "filter", "prerouting", -300)),
                                List.of(
                                        new NftRules.AddressSet("seen", true, 16, 600),
                                        new NftRules.AddressSet("seen6", false, 1, 1)),
                                List.of(new NftRules.Rule("pre", "update @seen { ip saddr counter }")))),
                new Op.Sysctl(NS, "net/ipv4/conf/all/rp_filter", "0"));
    }

    @ParameterizedTest
    @MethodSource("ops")
    void anOpComesBackFromItsLine(Op op) {
        String line = OpCodec.toJson(op).toString();
        assertThat(OpCodec.fromJson(JsonParser.parseString(line).getAsJsonObject()))
                .isEqualTo(op);
        assertThat(line).doesNotContain("\n");
        assertThat(op.describe()).contains(" in ");
    }

    @Test
    void everyKindOfOpIsInTheTable() {
        assertThat(ops().map(Object::getClass).distinct()).hasSize(Op.class.getPermittedSubclasses().length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a b", "a/b", "a:b", "sixteen-letters-", "ü"})
    void linkNamesAreTheKernels(String name) {
        assertThatThrownBy(() -> new Op.Up(NS, name)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "kernel/core_pattern",
                "net/../kernel/x",
                "net/..",
                "net",
                "/net/ipv4/ip_forward",
                "net//x",
                "net/a b"
            })
    void settingsOutsideOfTheNetworkAreRefused(String key) {
        assertThatThrownBy(() -> new Op.Sysctl(NS, key, "1")).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", " ", "accept; flush ruleset", "accept\nflush ruleset", "accept # x", "accept comment \"x\""})
    void aRuleIsOneRule(String text) {
        assertThatThrownBy(() -> new NftRules.Rule("pre", text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> NetnsRef.of("podns")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Op.Namespace(NetnsRef.OWN)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Op.Route.unicast(NS, IpPrefix.of("10.0.0.1/8"), null, "eth0"))
                .hasMessageContaining("host bits");
        assertThatThrownBy(() -> Op.Route.unicast(NS, IpPrefix.of("10.0.0.0/8"), null, ""))
                .hasMessageContaining("neither gateway nor link");
        assertThatThrownBy(() -> new Op.Rule(NS, 0, null, null, 100)).hasMessageContaining("priority");
        assertThatThrownBy(() -> new Plan("two words", List.of())).hasMessageContaining("owner");
    }
}
