package io.peerpods.vpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.vpc.model.Nic;
import io.peerpods.vpc.model.Vm;
import io.peerpods.vpc.vm.VmImage;
import io.peerpods.vpc.vm.VmRequest;
import java.util.Map;
import org.junit.jupiter.api.Test;

@NeedsRoot
@NeedsProgram({"ip", "nft"})
class MetadataServiceTest {

    private static final String TTL = "X-aws-ec2-metadata-token-ttl-seconds";
    private static final String TOKEN = "X-aws-ec2-metadata-token";

    @Test
    void itTellsAVmItsUserDataAndItsNics() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            Vm vm = test.vm("one");
            Nic second = vm.nics().get(1);
            String macs = "/latest/meta-data/network/interfaces/macs/";
            assertThat(test.withToken(vm, "/latest/user-data").body()).isEqualTo("user-data of one");
            assertThat(test.withToken(vm, "/latest/meta-data/instance-id").body())
                    .isEqualTo("one");
            assertThat(test.withToken(vm, macs).body().lines())
                    .containsExactlyInAnyOrder(vm.primary().mac() + "/", second.mac() + "/");
            assertThat(test.withToken(vm, macs + second.mac() + "/device-number")
                            .body())
                    .isEqualTo("1");
            assertThat(test.withToken(vm, macs + second.mac() + "/local-ipv4s").body())
                    .isEqualTo(second.ip().getHostAddress());
            assertThat(test.withToken(vm, macs + second.mac() + "/subnet-ipv4-cidr-block")
                            .body())
                    .isEqualTo("10.20.0.0/24");
            assertThat(test.withToken(vm, "/latest/meta-data/no-such").status()).isEqualTo(404);
            assertThat(test.withToken(vm, "/elsewhere").status()).isEqualTo(404);
        }
    }

    @Test
    void aTokenIsGoodForItsVmAndItsTimeOnly() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            Vm one = test.vm("one");
            Vm two = test.vm("two");
            String token = test.token(one);
            assertThat(get(test, one, token)).isEqualTo(200);
            assertThat(get(test, two, token)).isEqualTo(401);
            assertThat(get(test, one, "")).isEqualTo(401);
            assertThat(get(test, one, token.substring(1))).isEqualTo(401);
            assertThat(put(test, one, Map.of())).isEqualTo(400);
            assertThat(put(test, one, Map.of(TTL, "0"))).isEqualTo(400);
            assertThat(put(test, one, Map.of(TTL, "21601"))).isEqualTo(400);
            assertThat(put(test, one, Map.of(TTL, "60", "X-Forwarded-For", "10.0.0.1")))
                    .isEqualTo(403);
        }
    }

    private static int get(TestVpc test, Vm vm, String token) throws Exception {
        return test.metadata(vm, vm.primary().ip(), "GET", "/latest/meta-data/mac", Map.of(TOKEN, token))
                .status();
    }

    private static int put(TestVpc test, Vm vm, Map<String, String> headers) throws Exception {
        return test.metadata(vm, vm.primary().ip(), "PUT", "/latest/api/token", headers)
                .status();
    }

    @Test
    void whoStartsAVmMayAddAnswers() throws Exception {
        try (TestVpc test = TestVpc.asEc2()) {
            Vm vm = test.vpc.startVm(VmRequest.of("one", "", VmImage.empty(), 0)
                    .withMetadata(Map.of("instance-id", "i-0123", "placement/region", "eu-central-1")));
            assertThat(test.withToken(vm, "/latest/meta-data/instance-id").body())
                    .isEqualTo("i-0123");
            assertThat(test.withToken(vm, "/latest/meta-data/placement/").body().lines())
                    .containsExactly("availability-zone", "region");
            assertThat(test.withToken(vm, "/latest/user-data").status()).isEqualTo(404);
        }
    }

    @Test
    void anotherProcessThatHasTheVpcOpenTakesOver() throws Exception {
        try (TestVpc test = TestVpc.asEc2();
                LocalVpc second = LocalVpc.open(test.directory(), TestVpc.SPEC)) {
            Vm vm = test.vm("one");
            String token = test.token(vm);
            test.vpc.close();
            TestVpc.await("the other one serves", () -> {
                try {
                    return get(test, vm, token) == 200;
                } catch (Exception e) {
                    return false;
                }
            });
            assertThat(second.vms()).containsExactly(vm);
        }
    }
}
