package io.peerpods.tests.demo;

import io.peerpods.ec2.faults.MotoServer;
import io.peerpods.tests.aws.EmulatedEc2;
import io.peerpods.tests.lab.CheckTable;
import io.peerpods.tests.lab.Cloud;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Distributions;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.vpc.model.VpcSpec;
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
    private final boolean aws;

    private Demo(boolean aws) {
        this.aws = aws;
    }

    /** Runs it. Argument: {@code --aws} for pod VMs that are instances of an emulated EC2. */
    public static void main(String[] args) {
        if (!List.of(args).isEmpty() && !List.of(args).equals(List.of("--aws"))) {
            System.err.println("usage: demo [--aws]");
            System.exit(2);
        }
        System.exit(guarded(args.length == 1));
    }

    /** An interrupt from the keyboard ends the demo by its ordinary way out. */
    private static int guarded(boolean aws) {
        CountDownLatch ended = new CountDownLatch(1);
        Thread main = Thread.currentThread();
        Thread hook = new Thread(() -> {
            main.interrupt();
            try {
                if (!ended.await(60, TimeUnit.SECONDS)) {
                    System.err.println("The clean-up did not end; the next one begins with it.");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return start(aws);
        } finally {
            ended.countDown();
        }
    }

    private static int start(boolean aws) {
        String name = aws ? "make demo-aws: " : "make demo: ";
        try {
            String reason = whyNot(aws);
            if (!reason.isEmpty()) {
                System.err.println(name + reason);
                return 2;
            }
            return new Demo(aws).run(Distributions.find().orElseThrow());
        } catch (InterruptedException e) {
            System.err.println(name + "stopped; nothing is left");
            return 1;
        } catch (Exception e) {
            System.out.flush();
            System.err.println(name + e);
            return 1;
        }
    }

    /** Why the demo cannot run here, in one line; empty when it can. */
    private static String whyNot(boolean aws) throws IOException {
        if (!Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
            return "it makes network namespaces and needs root: run 'sudo make demo" + (aws ? "-aws'" : "'");
        }
        List<String> missing =
                PROGRAMS.stream().filter(program -> !isInstalled(program)).toList();
        if (!missing.isEmpty()) {
            return "it needs " + String.join(", ", missing)
                    + " (Debian: apt-get install iproute2 nftables util-linux iputils-ping bash coreutils)";
        }
        if (aws && MotoServer.program().isEmpty()) {
            return "it needs moto_server in PATH, or MOTO_SERVER to name it (pip install 'moto[server,ec2]')";
        }
        return Distributions.find().isPresent() ? "" : "no distributions found: run 'make dist' first";
    }

    private static boolean isInstalled(String program) {
        String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin";
        return Arrays.stream(path.split(":", -1))
                .filter(directory -> !directory.isEmpty())
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
    }

    private int run(Distributions distributions) throws Exception {
        long began = System.nanoTime();
        screen.opening();
        try (DemoDirectory ground = DemoDirectory.take()) {
            ground.clear().forEach(thing -> screen.line("removed what an earlier demo left: " + thing));
            Part part = new Part(screen, ground, distributions);
            if (aws) {
                screen.emulatedEc2();
                onEmulatedEc2(part, ground, distributions, PodConnection.BY_POD_VM, PodConnection.BY_WORKER);
            } else {
                inTheVpc(
                        part,
                        ground,
                        1,
                        1500,
                        PodConnection.BY_POD_VM,
                        PodConnection.BY_WORKER,
                        PodConnection.BY_POD_VM_UNLISTED);
                inTheVpc(part, ground, 2, 9001, PodConnection.BY_POD_VM_JUMBO);
            }
        }
        return verdict(Duration.ofNanos(System.nanoTime() - began));
    }

    private void inTheVpc(Part part, DemoDirectory ground, int number, int mtu, PodConnection... settings)
            throws IOException, InterruptedException {
        try (Cluster cluster = cluster(ground, number, mtu)) {
            parts(part, ground, cluster, Cloud.LOCAL, settings);
        }
    }

    private void onEmulatedEc2(Part part, DemoDirectory ground, Distributions distributions, PodConnection... settings)
            throws Exception {
        try (Cluster cluster = cluster(ground, 1, 1500);
                EmulatedEc2 ec2 = EmulatedEc2.start(distributions, cluster, ground.emulator())) {
            ground.note(ec2.pid());
            screen.step("an EC2 emulator, its VPC's subnets those of the VPC");
            parts(part, ground, cluster, ec2, settings);
            screen.part("What " + settings.length + " pods asked of EC2");
            ec2.calls().forEach((action, calls) -> screen.line(calls + "  " + action));
        }
    }

    private Cluster cluster(DemoDirectory ground, int number, int mtu) {
        screen.part("A cluster of two workers, a VPC with " + mtu + "-byte frames, an internet");
        Cluster cluster = Cluster.make(ground.vpc(number), VpcSpec.DEFAULT.withMtu(mtu));
        prefixes.add(cluster.vpc().prefix());
        screen.step("made");
        return cluster;
    }

    private void parts(Part part, DemoDirectory ground, Cluster cluster, Cloud cloud, PodConnection... settings)
            throws IOException, InterruptedException {
        for (PodConnection setting : settings) {
            results.add(part.run(setting, cluster, cloud, ground.adaptor(results.size() + 1)));
        }
    }

    private int verdict(Duration whole) throws IOException {
        List<CheckTable.Finding> findings =
                results.stream().flatMap(result -> result.findings().stream()).toList();
        List<CheckTable.Finding> failed =
                findings.stream().filter(finding -> !finding.proof().holds()).toList();
        List<String> left = new ArrayList<>(
                results.stream().flatMap(result -> result.left().stream()).toList());
        left.addAll(DemoDirectory.left(prefixes));
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
