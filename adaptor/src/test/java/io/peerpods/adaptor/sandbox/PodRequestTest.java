package io.peerpods.adaptor.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.Status;
import io.grpc.StatusException;
import io.peerpods.cloud.SandboxId;
import io.peerpods.daemon.OutsideText;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PodRequestTest {

    private static final String HYPERVISOR = "io.katacontainers.config.hypervisor.";

    private static Map<String, String> annotations(String... more) {
        Map<String, String> annotations = new HashMap<>(Map.of(
                "io.kubernetes.cri.sandbox-name",
                "web",
                "io.kubernetes.cri.sandbox-namespace",
                "default",
                HYPERVISOR + "machine_type",
                "",
                HYPERVISOR + "default_vcpus",
                "0",
                HYPERVISOR + "default_memory",
                "0",
                HYPERVISOR + "default_gpus",
                "0"));
        for (int i = 0; i < more.length; i += 2) {
            annotations.put(more[i], more[i + 1]);
        }
        return annotations;
    }

    @Test
    void whatTheGoRuntimeSendsIsRead() throws Exception {
        PodRequest pod = PodRequest.of(SandboxId.parse("id"), annotations());
        assertThat(pod.pod()).isEqualTo("default/web");
        assertThat(pod.instanceType()).isEmpty();
        assertThat(pod.vcpus()).isZero();
        assertThat(pod.memoryMib()).isZero();
        assertThat(pod.initdata()).isEmpty();
    }

    @Test
    void whatRuntimeRsSendsIsReadToo() throws Exception {
        PodRequest pod = PodRequest.of(
                SandboxId.parse("id"),
                annotations(
                        HYPERVISOR + "default_vcpus", "1.5",
                        HYPERVISOR + "default_memory", "2048",
                        HYPERVISOR + "default_gpus", "1",
                        HYPERVISOR + "default_gpu_model", "a10",
                        HYPERVISOR + "machine_type", "m6a.large",
                        HYPERVISOR + "image", "ami-1"));
        assertThat(pod.vcpus()).isEqualTo(1.5);
        assertThat(pod.memoryMib()).isEqualTo(2048);
        assertThat(pod.gpus()).isEqualTo(1);
        assertThat(pod.gpuModel()).isEqualTo("a10");
        assertThat(pod.instanceType()).isEqualTo("m6a.large");
        assertThat(pod.image()).isEqualTo("ami-1");
    }

    @Test
    void theNamesOfCriOAreUnderstood() throws Exception {
        assertThat(PodRequest.of(
                                SandboxId.parse("id"),
                                annotations("io.kubernetes.cri.sandbox-name", "k8s_web-1_prod_0123_0"))
                        .name())
                .isEqualTo("web-1");
        assertThat(PodRequest.of(
                                SandboxId.parse("id"),
                                annotations("io.kubernetes.cri.sandbox-name", "k8s_web-1_prod_0123_0"))
                        .uid())
                .isEqualTo("0123");
        assertThat(PodRequest.of(
                                SandboxId.parse("id"),
                                Map.of("io.kubernetes.cri-o.KubeName", "web", "io.kubernetes.cri-o.Namespace", "prod"))
                        .pod())
                .isEqualTo("prod/web");
    }

    @ParameterizedTest
    @CsvSource({"default_vcpus,two", "default_vcpus,-1", "default_vcpus,NaN", "default_memory,1Gi", "default_gpus,1e9"})
    void whatIsNoNumberIsRefusedByName(String key, String value) {
        StatusException refused = catchThrowableOfType(
                StatusException.class,
                () -> PodRequest.of(SandboxId.parse("id"), annotations(HYPERVISOR + key, value)));
        assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refused)
                .hasMessageContaining("sandbox id of pod default/web")
                .hasMessageContaining(key);
    }

    @ParameterizedTest
    @CsvSource({
        "io.kubernetes.cri.sandbox-name, name",
        "io.kubernetes.cri.sandbox-namespace, namespace",
        "io.kubernetes.cri.sandbox-uid, UID",
        "io.katacontainers.config.hypervisor.machine_type, machine_type",
        "io.katacontainers.config.hypervisor.image, image",
        "io.katacontainers.config.hypervisor.default_gpu_model, default_gpu_model"
    })
    void aTextThatWouldChangeALogLineOrATagIsRefusedByName(String key, String named) {
        for (String text : List.of("a\nb", "a\u001b[2Jb", "a\u202eb", "a\u2028b", "a\u0000b", "x".repeat(600))) {
            StatusException refused = catchThrowableOfType(
                    StatusException.class, () -> PodRequest.of(SandboxId.parse("id"), annotations(key, text)));
            assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
            assertThat(refused).hasMessageContaining("sandbox id of pod").hasMessageContaining(named);
            assertThat(OutsideText.isPrintable(String.valueOf(refused.getMessage())))
                    .isTrue();
        }
    }

    @Test
    void theLongestNamesOfKubernetesAreRead() throws Exception {
        PodRequest pod = PodRequest.of(
                SandboxId.parse("id"),
                annotations(
                        "io.kubernetes.cri.sandbox-name",
                        "a.".repeat(126) + "b",
                        "io.kubernetes.cri.sandbox-namespace",
                        "n".repeat(63),
                        "io.kubernetes.cri.sandbox-uid",
                        "11111111-2222-3333-4444-555555555555",
                        HYPERVISOR + "image",
                        "My image (v2) [x86_64]"));
        assertThat(pod.name()).hasSize(253);
        assertThat(pod.image()).isEqualTo("My image (v2) [x86_64]");
    }

    @Test
    void initdataThatIsNoneIsRefused() {
        StatusException refused = catchThrowableOfType(
                StatusException.class,
                () -> PodRequest.of(SandboxId.parse("id"), annotations(HYPERVISOR + "cc_init_data", "= no toml")));
        assertThat(refused).hasMessageContaining("cc_init_data");
    }

    @ParameterizedTest
    @ValueSource(strings = {"c1", "0123456789abcdef", "a-b_c.d", "A"})
    void containerdsIdentifiersAreIds(String id) throws Exception {
        var _ = SandboxIds.parse(id, "", Path.of("/run/peerpod/pods"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "../x", "a/b", "a..b", "-a", "a-", "a b", "a\u0000b", "\u00e4", "a:b"})
    void nothingElseIs(String id) {
        assertThat(catchThrowableOfType(StatusException.class, () -> SandboxIds.parse(id, "default/web", Path.of("/p")))
                        .getStatus()
                        .getCode())
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void anIdWhoseSocketDoesNotFitIsRefusedWithTheWayOut() {
        assertThat(catchThrowableOfType(
                        StatusException.class,
                        () -> SandboxIds.parse("f".repeat(64), "", Path.of("/" + "p".repeat(40)))))
                .hasMessageContaining("PODS_DIR");
    }

    @Test
    void aVniIsGivenToOneAtATimeAndNotAtOnceAgain() throws Exception {
        Vnis vnis = new Vnis(0xfffffd);
        vnis.reserve(0xfffffe);
        Set<Integer> given = new HashSet<>();
        assertThat(given.add(vnis.take())).isTrue();
        int other = vnis.take();
        assertThat(given.add(other)).isTrue();
        assertThat(given).containsExactlyInAnyOrder(0xfffffd, 0xffffff);
        vnis.release(other);
        assertThat(vnis.take()).isEqualTo(other);
        assertThat(catchThrowableOfType(StatusException.class, vnis::take))
                .hasMessageContaining("RESOURCE_EXHAUSTED")
                .hasMessageContaining("VXLAN_MIN_ID");
        Vnis many = new Vnis(100);
        int first = many.take();
        many.release(first);
        assertThat(many.take()).isNotEqualTo(first);
    }
}
