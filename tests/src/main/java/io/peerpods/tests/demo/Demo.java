package io.peerpods.tests.demo;

import io.peerpods.room.RoomSpec;
import io.peerpods.tests.lab.CheckTable;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Distributions;
import io.peerpods.tests.lab.Setting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The main job, shown: pods on VMs of their own, in a cluster and a cloud made of namespaces, with the daemons as they are shipped.
 * Exit status 0: every check passed and nothing was left; 1: not so; 2: it cannot run here.
 */
public final class Demo {

    private static final List<String> PROGRAMS =
            List.of("ip", "tc", "nft", "nsenter", "unshare", "setsid", "ping", "bash", "timeout");

    private final Screen screen = new Screen(System.out);
    private final List<Part.Result> results = new ArrayList<>();
    private final List<String> prefixes = new ArrayList<>();

    private Demo() {}

    public static void main(String[] args) {
        System.exit(guarded());
    }

    /** An interrupt from the keyboard ends the demo by its ordinary way out. */
    private static int guarded() {
        CountDownLatch ended = new CountDownLatch(1);
        Thread main = Thread.currentThread();
        Thread hook = new Thread(() -> {
            main.interrupt();
            try {
                if (!ended.await(60, TimeUnit.SECONDS)) {
                    System.err.println("The clean-up did not end; the next 'make demo' begins with it.");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return start();
        } finally {
            ended.countDown();
        }
    }

    private static int start() {
        try {
            String reason = whyNot();
            if (!reason.isEmpty()) {
                System.err.println("make demo: " + reason);
                return 2;
            }
            return new Demo().run(Distributions.find().orElseThrow());
        } catch (IOException | RuntimeException e) {
            System.out.flush();
            System.err.println("make demo: " + e);
            return 1;
        } catch (InterruptedException e) {
            System.err.println("make demo: stopped; nothing is left");
            return 1;
        }
    }

    /** Why the demo cannot run here, in one line; empty when it can. */
    private static String whyNot() throws IOException {
        if (!Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
            return "it makes network namespaces and needs root: run 'sudo make demo'";
        }
        List<String> missing =
                PROGRAMS.stream().filter(program -> !isInstalled(program)).toList();
        if (!missing.isEmpty()) {
            return "it needs " + String.join(", ", missing)
                    + " (Debian: apt-get install iproute2 nftables util-linux iputils-ping bash coreutils)";
        }
        return Distributions.find().isPresent() ? "" : "no distributions found: run 'make dist' first";
    }

    private static boolean isInstalled(String program) {
        String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin";
        return Arrays.stream(path.split(":", -1))
                .filter(directory -> !directory.isEmpty())
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    }

    private int run(Distributions distributions) throws IOException, InterruptedException {
        long began = System.nanoTime();
        screen.opening();
        try (Ground ground = Ground.take()) {
            ground.clear().forEach(thing -> screen.line("removed what an earlier demo left: " + thing));
            Part part = new Part(screen, ground, distributions);
            parts(part, ground, 1, 1500, Setting.BY_POD_VM, Setting.BY_WORKER, Setting.BY_POD_VM_UNLISTED);
            parts(part, ground, 2, 9001, Setting.BY_POD_VM_JUMBO);
        }
        return verdict(Duration.ofNanos(System.nanoTime() - began));
    }

    private void parts(Part part, Ground ground, int number, int mtu, Setting... settings)
            throws IOException, InterruptedException {
        screen.part("A cluster of two workers, a VPC with " + mtu + "-byte frames, an internet");
        try (Cluster cluster = Cluster.make(ground.room(number), RoomSpec.DEFAULT.withMtu(mtu))) {
            prefixes.add(cluster.room().prefix());
            screen.step("made");
            for (Setting setting : settings) {
                results.add(part.run(setting, cluster, ground.adaptor(results.size() + 1)));
            }
        }
    }

    private int verdict(Duration whole) throws IOException {
        List<CheckTable.Finding> findings =
                results.stream().flatMap(result -> result.findings().stream()).toList();
        List<CheckTable.Finding> failed =
                findings.stream().filter(finding -> !finding.proof().holds()).toList();
        List<String> left = new ArrayList<>(
                results.stream().flatMap(result -> result.left().stream()).toList());
        left.addAll(Ground.left(prefixes));
        screen.part("The end");
        failed.forEach(screen::finding);
        left.forEach(thing -> screen.line("left behind: " + thing));
        boolean good = failed.isEmpty() && left.isEmpty();
        screen.closing(
                (good ? "ALL PASS: " : "FAILED: ") + (findings.size() - failed.size()) + " of " + findings.size()
                        + " checks hold, left behind: " + left.size(),
                whole);
        return good ? 0 : 1;
    }
}
