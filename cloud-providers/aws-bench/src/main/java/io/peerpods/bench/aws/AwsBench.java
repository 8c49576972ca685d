package io.peerpods.bench.aws;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.peerpods.ec2.faults.FaultProxy;
import io.peerpods.ec2.faults.MotoServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.slf4j.LoggerFactory;

/**
 * Launches many pods at once against an EC2 that answers in 150 ms, boots in 5 s and throttles as the real one does, and
 * deletes them at once. Arguments: the number of pods (200), and the scenarios (all).
 */
public final class AwsBench {

    private static final Duration LATENCY = Duration.ofMillis(150);
    private static final Duration BOOT = Duration.ofSeconds(5);
    private static final double RUN_BURST = 5;
    private static final double RUN_PER_SECOND = 2;

    private AwsBench() {}

    /** Prints a table. */
    public static void main(String[] args) throws Exception {
        ((Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME)).setLevel(Level.WARN);
        int pods = args.length > 0 ? Integer.parseInt(args[0]) : 200;
        List<Scenario> scenarios = new ArrayList<>();
        for (int i = 1; i < args.length; i++) {
            scenarios.add(Scenario.valueOf(args[i].toUpperCase(Locale.ROOT).replace('-', '_')));
        }
        if (scenarios.isEmpty()) {
            scenarios.addAll(List.of(Scenario.values()));
        }
        double minimum = Math.max(0, pods - RUN_BURST) / RUN_PER_SECOND
                + (LATENCY.plus(BOOT).toMillis() / 1000.0);
        print("%d pods at once; EC2 answers in 150 ms, boots in 5 s, RunInstances burst 5, refill 2/s.", pods);
        print("The least time that this EC2 allows until the last pod is ready: %.1f s.", minimum);
        try (MotoServer moto = MotoServer.start();
                FaultProxy proxy = FaultProxy.start(moto.endpoint())) {
            for (Scenario scenario : scenarios) {
                print("%n%s", scenario.words());
                run(scenario, true, pods, minimum, moto, proxy);
                run(scenario, false, pods, minimum, moto, proxy);
            }
        }
    }

    private static void print(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }

    private static void run(
            Scenario scenario, boolean ours, int pods, double minimum, MotoServer moto, FaultProxy proxy)
            throws Exception {
        moto.reset();
        proxy.reset();
        Account account = Account.make(moto.endpoint());
        try (StandIns agents = new StandIns(BOOT);
                Contender contender = ours
                        ? Peerpods.open(proxy.endpoint(), account, scenario)
                        : new ExistingSystem(proxy.endpoint(), account, scenario)) {
            proxy.onLaunch(agents::launched);
            likeTheRealOne(proxy);
            proxy.forgetCalls();
            long before = usedHeap();
            Map<Integer, String> instances = new ConcurrentHashMap<>();
            List<Double> ready = together(pods, pod -> {
                String instance = contender.launch(pod);
                instances.put(pod, instance);
                contender.connect(instance, agents);
            });
            double last = Collections.max(ready);
            print(
                    "  %-16s last ready %6.1f s = %.2f x minimum, median %6.1f s; heap +%d KiB a pod",
                    contender.name(),
                    last,
                    last / minimum,
                    median(ready),
                    Math.max(0, usedHeap() - before) / 1024 / pods);
            calls("create", proxy, pods);
            proxy.forgetCalls();
            List<Double> deleted = together(pods, pod -> contender.delete(pod, instances.getOrDefault(pod, "")));
            print("    delete: last after %.1f s", Collections.max(deleted));
            calls("delete", proxy, pods);
        }
    }

    private static void likeTheRealOne(FaultProxy proxy) {
        proxy.latency(LATENCY);
        proxy.boot(BOOT);
        proxy.throttle("RunInstances", RUN_BURST, RUN_PER_SECOND);
        proxy.throttle("TerminateInstances", 100, 5);
        for (String action : List.of("DescribeInstances", "DescribeAddresses")) {
            proxy.throttle(action, 100, 20);
        }
        for (String action :
                List.of("CreateNetworkInterface", "AttachNetworkInterface", "ModifyNetworkInterfaceAttribute")) {
            proxy.throttle(action, 50, 5);
        }
    }

    private static void calls(String what, FaultProxy proxy, int pods) {
        StringBuilder kinds = new StringBuilder();
        int all = 0;
        for (Map.Entry<String, Integer> kind : proxy.counts().entrySet()) {
            all += kind.getValue();
            kinds.append(String.format(Locale.ROOT, " %s %.2f", kind.getKey(), kind.getValue() / (double) pods));
        }
        print("    %s: %.2f calls a pod (%s ), and %d throttled", what, all / (double) pods, kinds, proxy.throttled());
    }

    private interface Work {
        void run(int pod) throws Exception;
    }

    /** Runs the work of all pods at once; seconds from the start until each was done. */
    private static List<Double> together(int pods, Work work) throws Exception {
        long start = System.nanoTime();
        List<Double> seconds = new ArrayList<>();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Double>> all = new ArrayList<>();
            for (int i = 0; i < pods; i++) {
                int pod = i;
                all.add(threads.submit(() -> {
                    work.run(pod);
                    return (System.nanoTime() - start) / 1e9;
                }));
            }
            for (Future<Double> each : all) {
                seconds.add(each.get());
            }
        }
        return seconds;
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(sorted.size() / 2);
    }

    private static long usedHeap() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
