package io.peerpods.tests.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Measures what the README promises, on the distributions of {@code make dist}, and prints a table. Needs root. The exit status is 0
 * when everything could be measured, met or not. Arguments: the groups to measure (start ttrpc lifecycle relay plan crowd; all).
 */
public final class Bench {
    private static final List<String> GROUPS = List.of("start", "ttrpc", "lifecycle", "relay", "plan", "crowd");
    private static final int STARTS = 7;

    private final Distributions distributions;
    private final Path directory;
    private final List<String> groups;
    private final Report report = new Report();
    private boolean failed;

    private Bench(Distributions distributions, Path directory, List<String> groups) {
        this.distributions = distributions;
        this.directory = directory;
        this.groups = groups;
    }

    public static void main(String[] arguments) throws Exception {
        Path directory = Files.createTempDirectory("peerpods-bench");
        Bench bench = new Bench(Distributions.find(), directory, arguments.length == 0 ? GROUPS : List.of(arguments));
        try {
            bench.run();
        } finally {
            remove(directory);
        }
        System.out.println();
        System.out.print(bench.report.text());
        System.exit(bench.failed ? 1 : 0);
    }

    /** A group of rows. */
    private interface Group {
        void measure() throws Exception;
    }

    private void run() throws Exception {
        System.out.println("Measuring on " + Runtime.getRuntime().availableProcessors()
                + " processors; every reference is measured in turn with ours.");
        Path peer = TtrpcRows.build(directory);
        // A cloud VM boots for seconds: when its agent starts, the worker's side has long been built.
        Map<String, String> settings = Map.of("LOCAL_KATA_AGENT", peer.toString(), "LOCAL_BOOT_DELAY", "1s");
        try (World world = new World(distributions, directory)) {
            group("start", () -> starts(world));
            group("ttrpc", () -> {
                try (World.Adaptor adaptor = world.adaptor(settings)) {
                    new TtrpcRows(peer).measure(report, adaptor.socket(), directory);
                }
            });
            group("lifecycle", () -> lifecycle(world, settings));
            group("relay", () -> relay(world));
            group("plan", () -> PlanRow.measure(report, distributions, world));
            group("crowd", () -> CrowdRow.measure(report, world, settings));
        }
    }

    private void group(String name, Group group) {
        if (!groups.contains(name)) {
            return;
        }
        System.out.println(name);
        try {
            group.measure();
        } catch (Exception e) {
            failed = true;
            report.missing(name, String.valueOf(e.getMessage()));
            e.printStackTrace(System.out);
        }
    }

    private void starts(World world) throws Exception {
        Series ready = new Series();
        for (int i = 0; i < STARTS; i++) {
            try (World.Adaptor adaptor = world.adaptor(Map.of())) {
                ready.add(adaptor.readyMillis());
            }
        }
        report.add(Row.atMost("adaptor, exec to socket ready", "ms", ready, 900));
    }

    private void lifecycle(World world, Map<String, String> settings) throws Exception {
        try (World.Adaptor adaptor = world.adaptor(settings)) {
            LifecycleRows.first(report, world, new Shim(adaptor.socket()));
        }
        try (World.Adaptor adaptor = world.adaptor(settings)) {
            new LifecycleRows(world, new Shim(adaptor.socket())).measure(report, adaptor);
            world.awaitNoVms();
        }
    }

    /** With an agent that answers as fast as it is asked. */
    private void relay(World world) throws Exception {
        Path agent = distributions.agentScript(directory.resolve("agent"), BenchAgent.class);
        try (World.Adaptor adaptor = world.adaptor(Map.of("LOCAL_KATA_AGENT", agent.toString()))) {
            Shim shim = new Shim(adaptor.socket());
            Path relayed = shim.create("relayed", world.pod());
            shim.start("relayed");
            PodVms vms = new PodVms(world.vpc());
            long process = vms.process(vms.await("relayed"), BenchAgent.class.getName())
                    .pid();
            Path direct = Path.of("/proc/" + process + "/root/run/kata-containers/agent.sock");
            RelayRows.measure(report, distributions, directory, relayed, direct);
            shim.stop("relayed");
            world.awaitNoVms();
        }
    }

    private static void remove(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            for (Path file : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
                Files.deleteIfExists(file);
            }
        }
    }
}
