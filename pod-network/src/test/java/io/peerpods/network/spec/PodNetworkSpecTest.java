package io.peerpods.network.spec;

import static io.peerpods.network.Specs.ip;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.MacAddress;
import io.peerpods.network.Specs;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PodNetworkSpecTest {

    @Test
    void is_written_to_the_letter_of_the_existing_system() {
        assertThat(json(Specs.pod())).isEqualTo("""
                        {
                          "podip": "10.244.1.2/24",
                          "pod-hw-addr": "02:ab:00:00:00:05",
                          "interface": "eth0",
                          "worker-node-ip": "10.10.0.1/16",
                          "tunnel-type": "vxlan",
                          "routes": [
                            {
                              "dst": "0.0.0.0/0",
                              "gw": "10.244.1.1",
                              "dev": "eth0",
                              "protocol": "boot"
                            },
                            {
                              "dst": "10.244.1.0/24",
                              "gw": "",
                              "dev": "eth0",
                              "protocol": "kernel",
                              "scope": "link"
                            }
                          ],
                          "neighbors": null,
                          "mtu": 1500,
                          "index": 0,
                          "vxlan-port": 4789,
                          "vxlan-id": 555000,
                          "dedicated": false,
                          "external-net-via-pod-vm": false
                        }""");
    }

    @Test
    void reads_what_the_existing_system_writes() throws Exception {
        PodNetworkSpec spec = parse("""
                {"podip":"::ffff:10.244.1.5/24","pod-hw-addr":"8A:32:11:aa:bb:cc","interface":"eth0",
                 "worker-node-ip":"10.0.0.4/24","tunnel-type":"vxlan",
                 "routes":[{"dst":"::ffff:0.0.0.0/0","gw":"::ffff:169.254.1.1","dev":"eth0","protocol":"boot"},
                           {"dst":"","gw":"169.254.1.1","dev":"eth0"},
                           {"dst":"169.254.1.1/32","gw":"","dev":"eth0","scope":"link"}],
                 "neighbors":[{"ip":"169.254.1.1","hw-addr":"ee:ee:ee:ee:ee:ee","dev":"eth0","state":"permanent"}],
                 "mtu":8951,"index":3,"vxlan-port":4789,"vxlan-id":555003,"dedicated":true,
                 "external-net-via-pod-vm":true,"a-key-of-tomorrow":{"x":[1]}}
                """);
        assertThat(spec.pod())
                .isEqualTo(new PodInterface(
                        "eth0", MacAddress.of("8a:32:11:aa:bb:cc"), 8951, List.of(IpPrefix.of("10.244.1.5/24"))));
        assertThat(spec.routes())
                .containsExactly(
                        new PodRoute(IpPrefix.IPV4_DEFAULT, ip("169.254.1.1"), "eth0", "boot", "", 0, false),
                        new PodRoute(IpPrefix.IPV4_DEFAULT, ip("169.254.1.1"), "eth0", "", "", 0, false),
                        new PodRoute(IpPrefix.of("169.254.1.1/32"), null, "eth0", "", "link", 0, false));
        assertThat(spec.neighbours())
                .containsExactly(
                        new PodNeighbour(ip("169.254.1.1"), MacAddress.of("ee:ee:ee:ee:ee:ee"), "eth0", "permanent"));
        assertThat(spec.dedicated()).isTrue();
        assertThat(spec.externalNetwork()).isTrue();
        assertThat(spec.index()).isEqualTo(3);
        assertThat(spec.options()).isEqualTo(PodNetworkSpec.Options.NONE);
    }

    @ParameterizedTest
    @CsvSource({
        "::ffff:0.0.0.0/0, 0.0.0.0/0",
        "::ffff:10.244.0.0/16, 10.244.0.0/16",
        "::ffff:10.244.0.0/112, 10.244.0.0/16",
        "::ffff:10.244.1.9/32, 10.244.1.9/32",
        "0.0.0.0/0, 0.0.0.0/0",
        "fd00:10::/64, fd00:10::/64",
        "'', 0.0.0.0/0",
    })
    void takes_every_form_of_a_destination(String written, String meant) throws Exception {
        JsonObject json = Specs.pod().toJson();
        json.getAsJsonArray("routes").get(0).getAsJsonObject().addProperty("dst", written);
        assertThat(PodNetworkSpec.fromJson(json).routes().getFirst().destination())
                .isEqualTo(IpPrefix.of(meant));
    }

    @Test
    void our_own_keys_are_there_only_when_they_say_something() throws Exception {
        PodNetworkSpec spec = Specs.pod(true, new PodNetworkSpec.Options(ip("10.96.0.1"), 1400, true, true));
        assertThat(spec.toJson().toString())
                .endsWith("\"external-net-via-pod-vm\":true,\"api-service-ip\":\"10.96.0.1\",\"tunnel-mtu\":1400,"
                        + "\"public-underlay\":true,\"allow-pod-metadata\":true}");
        assertThat(PodNetworkSpec.fromJson(spec.toJson())).isEqualTo(spec);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"podip\": 1}",
                "{\"podip\": \"10.0.0.256/24\"}",
                "{\"podip\": \"10.0.0.1/33\"}",
                "{\"podip\": \"::ffff:10.0.0.1/64\"}",
                "{\"pod-hw-addr\": \"zz\"}",
                "{\"tunnel-type\": \"routing\"}",
                "{\"mtu\": 12}",
                "{\"mtu\": 1.5}",
                "{\"mtu\": 99999999999}",
                "{\"mtu\": 1e999999999}",
                "{\"index\": -1}",
                "{\"vxlan-id\": 16777216}",
                "{\"vxlan-port\": 70000}",
                "{\"routes\": {}}",
                "{\"routes\": [1]}",
                "{\"routes\": [{\"dst\":\"x\",\"dev\":\"eth0\"}]}",
                "{\"routes\": [{\"dst\":\"1.0.0.0/8\",\"dev\":\"eth0\",\"protocol\":\"bird\"}]}",
                "{\"routes\": [{\"dst\":\"1.0.0.0/8\",\"dev\":\"eth0\",\"scope\":\"everywhere\"}]}",
                "{\"routes\": [{\"dst\":\"1.0.0.0/8\",\"dev\":\"eth0\",\"metric\":-1}]}",
                "{\"neighbors\": [{\"ip\":\"10.0.0.1\"}]}",
                "{\"dedicated\": \"yes\"}",
            })
    void refuses_what_is_no_spec(String change) {
        JsonObject json = Specs.pod().toJson();
        JsonObject changes = JsonParser.parseString(change).getAsJsonObject();
        changes.entrySet().forEach(entry -> json.add(entry.getKey(), entry.getValue()));
        assertThatThrownBy(() -> PodNetworkSpec.fromJson(changes.isEmpty() ? changes : json))
                .isInstanceOf(PodNetworkException.class)
                .hasMessageStartingWith("pod-network: ");
    }

    @Test
    void survives_a_round_trip_whatever_is_in_it() throws Exception {
        Random random = new Random(555000);
        for (int i = 0; i < 500; i++) {
            PodNetworkSpec spec = random(random);
            assertThat(parse(json(spec))).as("case %d", i).isEqualTo(spec);
        }
    }

    @Test
    void broken_specs_end_in_one_kind_of_exception() {
        Random random = new Random(2);
        String json = json(Specs.pod(true, new PodNetworkSpec.Options(ip("10.96.0.1"), 1400, true, true)));
        String alphabet = "\"{}[],:.0123456789-eE/abcdef:nulltrue ";
        for (int i = 0; i < 3000; i++) {
            StringBuilder broken = new StringBuilder(json);
            for (int n = 1 + random.nextInt(3); n > 0; n--) {
                broken.setCharAt(random.nextInt(broken.length()), alphabet.charAt(random.nextInt(alphabet.length())));
            }
            try {
                if (JsonParser.parseString(broken.toString()) instanceof JsonObject object) {
                    PodNetworkSpec.fromJson(object);
                }
            } catch (JsonParseException e) {
                assertThat(e).isNotNull(); // not JSON any more: AgentConfig's business
            } catch (PodNetworkException e) {
                assertThat(e.getMessage()).startsWith("pod-network: ");
            }
        }
    }

    @Test
    void the_tunnel_is_added_later() {
        PodNetworkSpec spec = Specs.pod().withTunnel(4790, 77, 4);
        assertThat(spec.vxlanPort()).isEqualTo(4790);
        assertThat(spec.vxlanId()).isEqualTo(77);
        assertThat(spec.index()).isEqualTo(4);
        assertThat(spec.pod()).isEqualTo(Specs.pod().pod());
    }

    private static PodNetworkSpec random(Random random) {
        List<IpPrefix> addresses = new ArrayList<>();
        for (int n = 1 + random.nextInt(3); n > 0; n--) {
            addresses.add(prefix(random));
        }
        List<PodRoute> routes = new ArrayList<>();
        for (int n = random.nextInt(6); n > 0; n--) {
            routes.add(new PodRoute(
                    prefix(random),
                    random.nextBoolean() ? null : address(random),
                    "eth" + random.nextInt(3),
                    any(random, "", "static", "boot", "dhcp", "kernel"),
                    any(random, "", "link", "site", "host", "nowhere"),
                    random.nextBoolean() ? 0 : random.nextInt(),
                    random.nextBoolean()));
        }
        List<PodNeighbour> neighbours = new ArrayList<>();
        for (int n = random.nextInt(4); n > 0; n--) {
            neighbours.add(new PodNeighbour(
                    address(random), new MacAddress(random.nextLong(1L << 48)), "eth0", any(random, "permanent", "")));
        }
        return new PodNetworkSpec(
                new PodInterface(
                        "eth0", new MacAddress(random.nextLong(1L << 48)), 68 + random.nextInt(9000), addresses),
                prefix(random),
                "vxlan",
                routes,
                neighbours,
                random.nextInt(100),
                1 + random.nextInt(65535),
                random.nextInt(1 << 24),
                random.nextBoolean(),
                random.nextBoolean(),
                random.nextBoolean(),
                new PodNetworkSpec.Options(
                        random.nextBoolean() ? null : address(random),
                        random.nextInt(9000),
                        random.nextBoolean(),
                        random.nextBoolean()));
    }

    private static String any(Random random, String... values) {
        return values[random.nextInt(values.length)];
    }

    private static InetAddress address(Random random) {
        byte[] bytes = new byte[random.nextInt(3) == 0 ? 16 : 4];
        random.nextBytes(bytes);
        return IpAddresses.of(bytes);
    }

    private static IpPrefix prefix(Random random) {
        InetAddress address = address(random);
        return new IpPrefix(address, random.nextInt(address.getAddress().length * 8 + 1));
    }

    private static String json(PodNetworkSpec spec) {
        return new GsonBuilder().setPrettyPrinting().serializeNulls().create().toJson(spec.toJson());
    }

    private static PodNetworkSpec parse(String json) throws PodNetworkException {
        return PodNetworkSpec.fromJson(JsonParser.parseString(json).getAsJsonObject());
    }
}
