package io.peerpods.linux.op;

import io.peerpods.linux.netlink.Rtnl;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prints how long setting up and taking down one side of a pod's network takes, op by op. Not a test: run its main as root. */
final class TunnelTiming {

    private TunnelTiming() {}

    /** Arguments: number of rounds (30), directory of the journal (a temporary one). */
    public static void main(String[] arguments) throws IOException {
        int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 30;
        Path directory = arguments.length > 1 ? Path.of(arguments[1]) : Files.createTempDirectory("journal");
        long start = System.nanoTime();
        Rtnl.warmUp();
        System.out.printf("warm-up %.1f ms%n", (System.nanoTime() - start) / 1e6);
        try (TunnelLab lab = new TunnelLab()) {
            for (Plan plan : List.of(lab.workerPlan(), lab.podVmPlan())) {
                measure(plan, directory.resolve("journal"), rounds);
            }
        }
    }

    private static void measure(Plan plan, Path file, int rounds) {
        Map<String, List<Long>> times = new LinkedHashMap<>();
        long[] last = new long[1];
        Executor executor = new Executor(step -> {
            long now = System.nanoTime();
            times.computeIfAbsent(step, _ -> new ArrayList<>()).add(now - last[0]);
            last[0] = now;
        });
        for (int round = 0; round < rounds; round++) {
            last[0] = System.nanoTime();
            long start = last[0];
            executor.apply(plan, Journal.open(file));
            long applied = System.nanoTime();
            times.computeIfAbsent("SET UP", _ -> new ArrayList<>()).add(applied - start);
            new Executor().apply(plan, Journal.open(file));
            long again = System.nanoTime();
            times.computeIfAbsent("SET UP AGAIN", _ -> new ArrayList<>()).add(again - applied);
            last[0] = again;
            executor.undo(Journal.open(file));
            times.computeIfAbsent("TAKE DOWN", _ -> new ArrayList<>()).add(System.nanoTime() - again);
        }
        System.out.println(plan.owner() + ", " + plan.ops().size() + " ops, " + rounds + " rounds");
        times.forEach((step, list) -> {
            List<Long> warm = new ArrayList<>(list.subList(Math.min(5, list.size() - 1), list.size()));
            Collections.sort(warm);
            System.out.printf(
                    "  %8.2f ms median %8.2f ms worst  %s%n",
                    warm.get(warm.size() / 2) / 1e6, warm.getLast() / 1e6, step);
        });
    }
}
