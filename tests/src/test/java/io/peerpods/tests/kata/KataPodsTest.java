package io.peerpods.tests.kata;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.tests.lab.Ran;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.VmProcesses;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.tests.whole.NeedsDistributions;
import io.peerpods.vpc.model.Vm;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What containerd sees of pods on pod VMs when the real Kata shim runs them. */
@Tag("root")
@Tag("kata")
@NeedsDistributions
@NeedsKataShim
class KataPodsTest {

    /** We hang up. Without that the shim learns it from its own check, which fails after 30 to 35 seconds. */
    private static final Duration BEFORE_THE_SHIMS_CHECK = Duration.ofSeconds(25);

    private static final String WAIT = "trap 'exit 0' TERM; echo up; while :; do sleep 1; done";

    @Test
    void aPodIsReadyRunsItsContainerAndStopsWithItsStatus() throws Exception {
        try (KataNode node = KataNode.start()) {
            CriPod pod = CriPod.run(node, WAIT);
            assertThat(pod.state()).isEqualTo("SANDBOX_READY");
            assertThat(pod.containerState()).isEqualTo("CONTAINER_RUNNING");
            Until.holds(
                    "the container's output is in its log",
                    () -> node.crictl("logs", pod.container()).output().contains("up"));
            Vm vm = WholePod.vmOf(node.lab().cluster(), pod.id());
            node.crictl("stop", "--timeout=30", pod.container()).orThrow();
            assertThat(pod.containerState()).isEqualTo("CONTAINER_EXITED");
            assertThat(pod.exitCode()).isEqualTo("0");
            pod.remove();
            assertThat(node.crictl("pods", "-q").orThrow()).isBlank();
            Until.holds("the VM is gone", () -> !vm.directory().toFile().exists());
        }
    }

    @Test
    void anExecGetsOutputErrorsInputAndStatus() throws Exception {
        try (KataNode node = KataNode.start()) {
            CriPod pod = CriPod.run(node, WAIT);
            assertThat(pod.execSync("/bin/sh", "-c", "echo out; echo err >&2").orThrow())
                    .contains("out")
                    .contains("err");
            assertThat(pod.execSync("/bin/sh", "-c", "exit 7").ok()).isFalse();
            assertThat(pod.execReading("from stdin\n", "/bin/cat").orThrow()).isEqualTo("from stdin\n");
            Ran failed = pod.exec("/bin/sh", "-c", "exit 7");
            assertThat(failed.output()).contains("exit code 7");
            pod.remove();
        }
    }

    /** One direction each: the Go shim stops reading the output of an exec as soon as its input is closed. */
    @Test
    void aLongStreamArrivesWholeInEachDirection() throws Exception {
        try (KataNode node = KataNode.start()) {
            CriPod pod = CriPod.run(node, WAIT);
            String numbers =
                    IntStream.rangeClosed(1, 100_000).mapToObj(n -> n + "\n").collect(Collectors.joining());
            assertThat(pod.exec("/bin/sh", "-c", "seq 1 100000").orThrow()).isEqualTo(numbers);
            pod.execReading(numbers, "/bin/sh", "-c", "cat > /tmp/stream").orThrow();
            assertThat(pod.execSync("/bin/sh", "-c", "wc -c < /tmp/stream")
                            .orThrow()
                            .strip())
                    .isEqualTo(String.valueOf(numbers.length()));
            pod.remove();
        }
    }

    @Test
    void theContainersSocketsAreInThePodsNetwork() throws Exception {
        try (KataNode node = KataNode.start()) {
            CriPod pod = CriPod.run(node, WAIT);
            String address = node.crictl(
                            "inspectp", "-o", "go-template", "--template", "{{.status.network.ip}}", pod.id())
                    .orThrow()
                    .strip();
            assertThat(address).startsWith("10.244.1.");
            assertThat(node.lab()
                            .cluster()
                            .neighbour()
                            .run("ping", "-n", "-c", "3", "-W", "5", address)
                            .output())
                    .as("from another pod of the node")
                    .contains(" 0% packet loss");
            assertThat(pod.execSync("/bin/cat", "/proc/net/fib_trie").orThrow()).contains(address);
            pod.remove();
        }
    }

    @Test
    void tenPodsComeAndGoAtOnce() throws Exception {
        try (KataNode node = KataNode.start();
                ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<CriPod>> starting = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                starting.add(callers.submit(() -> CriPod.run(node, WAIT)));
            }
            List<CriPod> pods = new ArrayList<>();
            for (Future<CriPod> each : starting) {
                pods.add(each.get());
            }
            for (CriPod pod : pods) {
                assertThat(pod.state()).isEqualTo("SANDBOX_READY");
                assertThat(pod.execSync("/bin/sh", "-c", "echo alive").orThrow())
                        .contains("alive");
            }
            List<Future<?>> stopping = new ArrayList<>();
            for (CriPod pod : pods) {
                stopping.add(callers.submit(pod::remove));
            }
            for (Future<?> each : stopping) {
                each.get();
            }
            assertThat(node.crictl("pods", "-q").orThrow()).isBlank();
            Until.holds("no VM is left", () -> node.lab().cluster().vpc().vms().isEmpty());
        }
    }

    @Test
    void aPodWhoseKataAgentIsKilledIsNotReadyAtOnce() throws Exception {
        try (KataNode node = KataNode.start()) {
            CriPod pod = CriPod.run(node, WAIT);
            Vm vm = WholePod.vmOf(node.lab().cluster(), pod.id());
            new VmProcesses(vm).kataAgent().destroyForcibly();
            awaitEnd(pod);
            pod.remove();
        }
    }

    @Test
    void aPodWhoseVmVanishesIsNotReadyBeforeTheShimsOwnCheckFails() throws Exception {
        try (KataNode node = KataNode.start()) {
            CriPod pod = CriPod.run(node, WAIT);
            Vm vm = WholePod.vmOf(node.lab().cluster(), pod.id());
            new VmProcesses(vm).vanish();
            awaitEnd(pod);
            pod.remove();
        }
    }

    @Test
    void podsSurviveARestartOfContainerd() throws Exception {
        try (KataNode node = KataNode.start()) {
            CriPod pod = CriPod.run(node, WAIT);
            node.restartContainerd();
            assertThat(pod.state()).isEqualTo("SANDBOX_READY");
            assertThat(pod.execSync("/bin/sh", "-c", "echo alive").orThrow()).contains("alive");
            pod.remove();
        }
    }

    private static void awaitEnd(CriPod pod) throws InterruptedException {
        awaitState("the pod is not ready", () -> pod.state().equals("SANDBOX_NOTREADY"));
        awaitState("its container has ended", () -> pod.containerState().equals("CONTAINER_EXITED"));
    }

    private static void awaitState(String what, BooleanSupplier reached) throws InterruptedException {
        Until.found(what, BEFORE_THE_SHIMS_CHECK, () -> reached.getAsBoolean() ? Optional.of(true) : Optional.empty());
    }
}
