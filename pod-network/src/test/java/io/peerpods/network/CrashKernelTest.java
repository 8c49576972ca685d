package io.peerpods.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.Plan;
import io.peerpods.linux.op.Steps;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.vm.NicFacts;
import io.peerpods.network.vm.PodVmNetwork;
import io.peerpods.testing.KernelInventory;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run that ends after any journal write or op, as a crash ends it, is finished by another set-up and removed by another tear-down,
 * each by a process that knows nothing but the journal.
 */
@NeedsRoot
@NeedsProgram({"ip", "nft", "ping"})
class CrashKernelTest {
    private static MiniLab lab;

    @TempDir
    private Path directory;

    @BeforeAll
    static void build() {
        lab = new MiniLab();
        lab.plugSecondNic(true);
    }

    @AfterAll
    static void remove() {
        lab.close();
    }

    /** Not an exception that anything here handles. */
    private static final class Crash extends Error {
        private static final long serialVersionUID = 1L;
    }

    private static Executor crashingAt(int step) {
        return new Executor(new Steps() {
            private int steps;

            @Override
            public void step(String name) {
                if (steps++ == step) {
                    throw new Crash();
                }
            }
        });
    }

    private interface Run {
        void run() throws Exception;
    }

    /** Whether it came to the crash. */
    private static boolean crashes(Run run) throws Exception {
        try {
            run.run();
            return false;
        } catch (Crash e) {
            return true;
        }
    }

    @Test
    void on_the_worker() throws Exception {
        List<KernelInventory> before = lab.take();
        Plan plan = lab.workerPlan(Specs.pod().withTunnel(4789, 555001, 1));
        Path journal = directory.resolve("worker.journal");
        int step = 0;
        for (boolean crashed = true; crashed; step++) {
            int at = step;
            crashed = crashes(() -> crashingAt(at).apply(plan, Journal.open(journal)));
            new Executor().undo(Journal.open(journal));
            assertThat(lab.changesSince(before))
                    .as("torn down after step %d of set-up", at)
                    .isEmpty();

            crashes(() -> crashingAt(at).apply(plan, Journal.open(journal)));
            new Executor().apply(plan, Journal.open(journal));
            assertThat(new Executor().verify(plan))
                    .as("set up after step %d", at)
                    .isEmpty();
            crashes(() -> crashingAt(at).undo(Journal.open(journal)));
            new Executor().undo(Journal.open(journal));
            assertThat(lab.changesSince(before))
                    .as("torn down after step %d of tear-down", at)
                    .isEmpty();
        }
        assertThat(step).isGreaterThan(plan.ops().size());
    }

    @Test
    void in_the_vm_with_an_external_network() throws Exception {
        List<KernelInventory> before = lab.take();
        PodNetworkSpec spec = Specs.pod(true, new PodNetworkSpec.Options(Specs.ip("10.96.0.1"), 0, false, false));
        int step = 0;
        for (boolean crashed = true; crashed; step++) {
            int at = step;
            Path state = Files.createDirectory(directory.resolve("vm" + step));
            crashed = crashes(() -> setUp(state, spec, crashingAt(at)));
            vm(state, spec, new Executor()).tearDown();
            assertThat(lab.changesSince(before))
                    .as("torn down after step %d of set-up", at)
                    .isEmpty();

            crashes(() -> setUp(state, spec, crashingAt(at)));
            setUp(state, spec, new Executor());
            assertThat(lab.inPod("ip", "route", "show", "default").output())
                    .as("set up after step %d", at)
                    .contains("via 10.20.0.1 dev ens6");
            crashes(() -> vm(state, spec, crashingAt(at)).tearDown());
            vm(state, spec, new Executor()).tearDown();
            assertThat(lab.changesSince(before))
                    .as("torn down after step %d of tear-down", at)
                    .isEmpty();
        }
        assertThat(step).isGreaterThan(15);
    }

    private static void setUp(Path state, PodNetworkSpec spec, Executor executor) throws Exception {
        try (PodVmNetwork network = vm(state, spec, executor)) {
            network.setUp(NicFacts.Source.NONE, MiniLab.patience());
            assertThat(network.verify()).isEmpty();
        }
    }

    private static PodVmNetwork vm(Path state, PodNetworkSpec spec, Executor executor) {
        return PodVmNetwork.open(state, executor, spec, lab.vmPlace(), Duration.ofHours(1));
    }
}
