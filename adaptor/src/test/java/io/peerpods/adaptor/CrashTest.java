package io.peerpods.adaptor;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.StatusRuntimeException;
import io.peerpods.daemon.CrashPoint;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.TempNetns;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The adaptor dies at every step of a sandbox's life: each store write, journal write, network change and cloud request. The next one
 * then starts the VM after all, or stops it, and in the end nothing is left.
 */
@NeedsRoot
@NeedsProgram({"nft", "nsenter"})
class CrashTest {

    private static final Pattern STEP = Pattern.compile("(?m) step ([0-9]+) (.*)$");

    private final TestWorker worker;
    private int count;

    CrashTest() throws IOException {
        worker = TestWorker.open();
    }

    private interface Call {
        void run() throws Exception;
    }

    /** A call that the crash may cut off, and everything after it. */
    private static void mayBeCut(Call call) throws Exception {
        try {
            call.run();
        } catch (IOException | StatusRuntimeException cut) {
            // The exit status tells whether it was the crash.
        }
    }

    private void live(AdaptorProcess adaptor, String id, TempNetns pod) throws Exception {
        mayBeCut(() -> adaptor.create(id, "web", pod.path().toString()));
        mayBeCut(() -> adaptor.startVm(id));
        mayBeCut(() -> adaptor.stopVm(id));
    }

    private AdaptorProcess crashing(int step) throws Exception {
        return worker.begin(Map.of(CrashPoint.KEY, Integer.toString(step))).awaitReady();
    }

    private void awaitNothingLeft(String id, TempNetns pod, KernelInventory podBefore) throws Exception {
        Eventually.holds("VM is gone", () -> !worker.cloud().sandboxes().contains(id));
        Eventually.holds(
                "directory is gone", () -> !Files.exists(worker.podsDirectory().resolve(id)));
        assertThat(worker.leftovers()).isEmpty();
        assertThat(KernelInventory.take(pod).since(podBefore)).isEmpty();
        try (var journals = Files.list(worker.directory().resolve("state/journals"))) {
            assertThat(journals).isEmpty();
        }
    }

    @Test
    void killedAtAnyStepNothingIsLostOrLeaked() throws Exception {
        try (worker) {
            TempNetns pod = worker.pod();
            KernelInventory podBefore = KernelInventory.take(pod);
            List<String> steps = countedRun(pod);
            int lastOfStart = steps.indexOf("store READY");
            assertThat(steps)
                    .contains("store add CREATED", "store LAUNCHING", "cloud launch", "journal", "cloud delete");
            assertThat(steps.getLast()).isEqualTo("store remove");
            for (int step = 1; step <= steps.size(); step++) {
                String name = "step " + step + " (" + steps.get(step - 1) + ")";
                String id = crash(step, name, pod);
                try (AdaptorProcess next = worker.adaptor()) {
                    if (step <= lastOfStart + 1) {
                        next.create(id, "web", pod.path().toString());
                        next.startVm(id);
                        assertThat(worker.cloud().sandboxes()).as(name).containsExactly(id);
                        next.stopVm(id);
                    }
                    awaitNothingLeft(id, pod, podBefore);
                }
            }
        }
    }

    @Test
    void killedAtAnyStepOfTheStartTheNextOneStopsIt() throws Exception {
        try (worker) {
            TempNetns pod = worker.pod();
            KernelInventory podBefore = KernelInventory.take(pod);
            int steps = countedRun(pod).indexOf("store READY") + 1;
            for (int step = 1; step <= steps; step++) {
                String id = crash(step, "step " + step, pod);
                try (AdaptorProcess next = worker.adaptor()) {
                    next.stopVm(id);
                    awaitNothingLeft(id, pod, podBefore);
                }
            }
        }
    }

    private String crash(int step, String name, TempNetns pod) throws Exception {
        String id = String.format("%064x", ++count);
        try (AdaptorProcess adaptor = crashing(step)) {
            live(adaptor, id, pod);
            assertThat(adaptor.awaitExit()).as(name).isEqualTo(CrashPoint.EXIT);
        }
        return id;
    }

    /** A life without a crash; its steps in order. */
    private List<String> countedRun(TempNetns pod) throws Exception {
        try (AdaptorProcess adaptor = crashing(1_000_000)) {
            live(adaptor, "c".repeat(64), pod);
            Eventually.holds("all is over", () -> adaptor.output().contains("store remove"));
            assertThat(adaptor.isAlive()).isTrue();
            return STEP.matcher(adaptor.output())
                    .results()
                    .map((MatchResult step) -> step.group(2))
                    .toList();
        }
    }
}
