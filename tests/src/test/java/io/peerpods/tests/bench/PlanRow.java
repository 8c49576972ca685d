package io.peerpods.tests.bench;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.tunnel.Ownership;
import io.peerpods.network.worker.PodSubnetCidrs;
import io.peerpods.network.worker.VmPeer;
import io.peerpods.network.worker.WorkerInspection;
import io.peerpods.network.worker.WorkerPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The worker's half of a tunnel, from the pod's namespace to the last op, in a JVM as the adaptor's launcher starts one. */
public final class PlanRow {
    private static final int ROUNDS = 40;

    private PlanRow() {}

    /** Prints the milliseconds of each set-up, one a line. Arguments: the pod's namespace, a directory. */
    public static void main(String[] arguments) throws Exception {
        NetnsRef pod = NetnsRef.of(arguments[0]);
        Path directory = Path.of(arguments[1]);
        String table = Ownership.workerTable(directory);
        Executor executor = new Executor();
        for (int round = 0; round < ROUNDS; round++) {
            Path file = directory.resolve("plan" + round + ".journal");
            long begun = System.nanoTime();
            PodNetworkSpec spec = WorkerInspection.inspect(new WorkerInspection.Request(
                            arguments[0],
                            "bench/plan",
                            "",
                            PodSubnetCidrs.parse(""),
                            false,
                            PodNetworkSpec.Options.NONE))
                    .spec()
                    .withTunnel(4789, 600_000 + round, round);
            Plan plan = WorkerPlan.of(
                    "plan" + round,
                    pod,
                    spec,
                    VmPeer.of(IpAddresses.parse("10.10.9.9"), 15150),
                    new WorkerPlan.Place(NetnsRef.OWN, table));
            executor.apply(plan, Journal.open(file));
            System.out.println((System.nanoTime() - begun) / 1e6);
            executor.undo(Journal.open(file));
        }
    }

    static void measure(Report report, Distributions distributions, World world) throws Exception {
        Path netns = world.pod();
        Path directory = Files.createDirectories(world.directory().resolve("plan"));
        List<String> command =
                new ArrayList<>(List.of("nsenter", "--net=" + world.worker().namespace(), "--"));
        command.addAll(distributions.java(PlanRow.class, netns.toString(), directory.toString()));
        Process process = new ProcessBuilder(command)
                .redirectError(directory.resolve("log").toFile())
                .start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException("the plan failed: " + Files.readString(directory.resolve("log")));
        }
        Series cold = new Series();
        Series warm = new Series();
        for (String line : out.lines().toList()) {
            (cold.size() == 0 ? cold : warm).add(Double.parseDouble(line));
        }
        report.add(Row.plain("a full tunnel on the worker, the first of a JVM", "ms", cold, null));
        report.add(Row.atMost("a full tunnel on the worker, inspection to last op", "ms", warm, 25));
    }
}
