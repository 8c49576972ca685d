package io.peerpods.tests.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** CreateVM, StartVM one at a time, and what both daemons need, on one adaptor with ten sandboxes. */
final class LifecycleRows {
    private static final int SANDBOXES = 10;
    private static final int CREATE_ROUNDS = 5;

    /** The adaptor goes on for a while after its start, the kernel after a namespace's links are deleted. */
    private static final Duration SETTLE = Duration.ofSeconds(3);

    private static final String AGENT_MAIN = "io.peerpods.agent.AgentMain";

    private final World world;
    private final Shim shim;
    private final PodVms vms;

    LifecycleRows(World world, Shim shim) {
        this.world = world;
        this.shim = shim;
        this.vms = new PodVms(world.vpc());
    }

    void measure(Report report, World.Adaptor adaptor) throws Exception {
        List<Path> pods = new ArrayList<>();
        for (int i = 0; i < SANDBOXES; i++) {
            pods.add(world.pod());
        }
        create(report, pods, adaptor);
        Series overhead = new Series();
        Series agentStart = new Series();
        Series agentMemory = new Series();
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < SANDBOXES; i++) {
            String id = "s" + i;
            ids.add(id);
            var _ = shim.create(id, pods.get(i));
            CompletableFuture<Long> opened = vms.agentPortOpens(id);
            shim.start(id);
            long returned = System.nanoTime();
            double more = (returned - opened.get()) / 1e6;
            if (more < 0) {
                throw new IOException(
                        "StartVM of " + id + " returned " + -more + " ms before the agent's port was open");
            }
            overhead.add(more);
            ProcessHandle agent = vms.process(vms.await(id), AGENT_MAIN);
            agentStart.add(Daemon.ageMillis(agent.pid()) - (System.nanoTime() - opened.get()) / 1e6);
            agentMemory.add(Daemon.residentMegabytes(agent.pid()));
        }
        report.add(Row.atMost("StartVM after the agent's port is open", "ms", overhead, 50));
        report.add(Row.atMost("podvm-agent, exec to listening", "ms", agentStart, 650));
        report.add(Row.atMost("podvm-agent, RSS after the first relayed call", "MB", agentMemory, 120));
        Series memory = new Series();
        memory.add(adaptor.daemon().residentMegabytes());
        report.add(Row.atMost("adaptor, RSS with ten sandboxes", "MB", memory, 200));
        for (String id : ids) {
            shim.stop(id);
        }
    }

    /** The first sandbox of an adaptor that is up for as long as it takes this program to call it. */
    static void first(Report report, World world, Shim shim) throws Exception {
        Path pod = world.pod();
        shim.warmUp(); // the first calls of this program are not measured
        Series cold = new Series();
        long begun = System.nanoTime();
        var _ = shim.create("first", pod);
        cold.add((System.nanoTime() - begun) / 1e6);
        report.add(Row.plain("CreateVM, the first of an adaptor", "ms", cold, null));
        shim.stop("first");
    }

    private void create(Report report, List<Path> pods, World.Adaptor adaptor) throws Exception {
        shim.warmUp();
        Series warm = new Series();
        for (int round = 0; round < CREATE_ROUNDS; round++) {
            Thread.sleep(SETTLE);
            for (int i = 0; i < pods.size(); i++) {
                long begun = System.nanoTime();
                var _ = shim.create("c" + round + "-" + i, pods.get(i));
                warm.add((System.nanoTime() - begun) / 1e6);
            }
            for (int i = 0; i < pods.size(); i++) {
                shim.stop("c" + round + "-" + i);
            }
            adaptor.awaitNoSandboxes();
        }
        report.add(Row.atMost("CreateVM, warm", "ms", warm, 5));
    }
}
