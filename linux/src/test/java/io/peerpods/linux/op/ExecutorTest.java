package io.peerpods.linux.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.peerpods.linux.IpAddresses;
import io.peerpods.linux.IpPrefix;
import io.peerpods.linux.LinuxException;
import io.peerpods.linux.MacAddress;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NewLink;
import io.peerpods.linux.netlink.RouteMetrics;
import io.peerpods.linux.netlink.RouteType;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.linux.netlink.VxlanAttributes;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import io.peerpods.testing.StrayThreads;
import io.peerpods.testing.TempNetns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole pod's network on both sides: applied, verified, undone, killed everywhere. */
@NeedsRoot
@NeedsProgram({"ip", "tc", "nft"})
class ExecutorTest {

    private final TunnelLab lab = new TunnelLab();

    @TempDir
    Path directory;

    @AfterEach
    void remove() {
        lab.close();
    }

    private Journal journal(Plan plan) {
        return Journal.open(
                directory.resolve(plan.owner().replace(':', '-') + plan.ops().size()));
    }

    private void apply(Plan plan) {
        new Executor().apply(plan, journal(plan));
    }

    private void undo(Plan plan) {
        new Executor().undo(journal(plan));
    }

    @Test
    void aPodsNetworkComesAndGoes() {
        List<String> before = lab.take();
        for (Plan plan : List.of(lab.workerPlan(), lab.podVmPlan())) {
            assertThat(new Executor().verify(plan))
                    .hasSizeGreaterThanOrEqualTo(plan.ops().size() - 1);
            apply(plan);
            assertThat(new Executor().verify(plan)).isEmpty();
        }
        assertThat(lab.inPod("ping", "-n", "-c", "1", "-W", "5", "10.244.1.1")).contains(" 0% packet loss");
        assertThat(lab.inPod("ip", "route")).contains("default via 10.20.0.1 dev ens6");
        assertThat(lab.vm().exec("ip", "rule")).doesNotContain("10.20.0.10");
        undo(lab.podVmPlan());
        undo(lab.workerPlan());
        assertThat(lab.take()).isEqualTo(before);
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void appliedTwiceNothingChanges() {
        List<String> before = lab.take();
        for (Plan plan : List.of(lab.workerPlan(), lab.podVmPlan())) {
            apply(plan);
            List<String> once = lab.take();
            long size = directory
                    .resolve(plan.owner().replace(':', '-') + plan.ops().size())
                    .toFile()
                    .length();
            apply(plan);
            assertThat(lab.take()).isEqualTo(once);
            assertThat(directory
                            .resolve(plan.owner().replace(':', '-') + plan.ops().size())
                            .toFile()
                            .length())
                    .isEqualTo(size);
        }
        undo(lab.podVmPlan());
        undo(lab.workerPlan());
        undo(lab.workerPlan());
        assertThat(lab.take()).isEqualTo(before);
    }

    @Test
    void whateverIsChangedIsSeenAndPutRight() {
        Plan plan = lab.podVmPlan();
        apply(plan);
        List<List<String>> sabotage = List.of(
                List.of("ip", "route", "del", "default"),
                List.of("ip", "link", "set", "eth0", "mtu", "1300"),
                List.of("ip", "addr", "del", "10.244.1.2/24", "dev", "eth0"),
                List.of("ip", "link", "del", "eth0"),
                List.of("ip", "rule", "del", "priority", "100"),
                List.of("ip", "neigh", "del", "10.244.1.1", "dev", "eth0"),
                List.of("nft", "delete", "table", "inet", "peerpods-pod"),
                List.of("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1"),
                List.of("ip", "link", "set", "ens6", "down"));
        for (List<String> command : sabotage) {
            lab.inPod(command.toArray(String[]::new));
            assertThat(new Executor().verify(plan))
                    .as(String.join(" ", command))
                    .isNotEmpty();
            apply(plan);
            assertThat(new Executor().verify(plan))
                    .as(String.join(" ", command))
                    .isEmpty();
        }
    }

    /** Ends the run at its n-th step, as kill -9 would there. */
    private static final class Crash extends Error {
        private static final long serialVersionUID = 1L;

        Crash(String step) {
            super("crash after " + step, null, false, false);
        }
    }

    private static Executor crashingAt(int step) {
        int[] count = {0};
        return new Executor(name -> {
            if (++count[0] == step) {
                throw new Crash(name);
            }
        });
    }

    /** Whether the run came to its end before the crash. */
    private static boolean survives(Runnable run) {
        try {
            run.run();
            return true;
        } catch (Crash e) {
            return false;
        }
    }

    @Test
    void killedAfterAnyStepOfSettingUpItIsTakenBackOrFinished() {
        List<String> before = lab.take();
        for (Plan plan : List.of(lab.workerPlan(), lab.podVmPlan())) {
            int step = 1;
            while (!survives(crashed(plan, step))) {
                undo(plan);
                assertThat(lab.take()).as("undo after a crash at step " + step).isEqualTo(before);
                assertThat(survives(crashed(plan, step))).isFalse();
                apply(plan);
                assertThat(new Executor().verify(plan))
                        .as("finish after a crash at step " + step)
                        .isEmpty();
                undo(plan);
                assertThat(lab.take()).as("undo after finishing, step " + step).isEqualTo(before);
                step++;
            }
            assertThat(step).isEqualTo(plan.ops().size() + 2);
            undo(plan);
        }
        assertThat(lab.take()).isEqualTo(before);
    }

    private Runnable crashed(Plan plan, int step) {
        return () -> crashingAt(step).apply(plan, journal(plan));
    }

    @Test
    void killedAfterAnyStepOfTakingDownItIsTakenDownByTheNextRun() {
        List<String> before = lab.take();
        for (Plan plan : List.of(lab.workerPlan(), lab.podVmPlan())) {
            boolean finished = false;
            for (int step = 1; !finished; step++) {
                apply(plan);
                Executor crashing = crashingAt(step);
                finished = survives(() -> crashing.undo(journal(plan)));
                undo(plan);
                assertThat(lab.take())
                        .as("undo again after a crash at step " + step)
                        .isEqualTo(before);
            }
        }
    }

    @Test
    void setUpAgainFromTheMiddleOfATakingDown() {
        List<String> before = lab.take();
        Plan plan = lab.podVmPlan();
        for (int step = 1; step < plan.ops().size(); step += 3) {
            apply(plan);
            Executor crashing = crashingAt(step);
            assertThat(survives(() -> crashing.undo(journal(plan)))).isFalse();
            apply(plan);
            assertThat(new Executor().verify(plan)).isEmpty();
            undo(plan);
            assertThat(lab.take()).isEqualTo(before);
        }
    }

    @Test
    void halfDoneOpsAreFinishedOrTakenBack() throws Exception {
        List<String> before = lab.take();
        Plan vm = lab.podVmPlan();
        Plan worker = lab.workerPlan();
        for (boolean finish : List.of(true, false)) {
            // After the journal, before anything: then what a kill inside an op leaves is made by hand.
            assertThat(survives(crashed(vm, 1))).isFalse();
            assertThat(survives(crashed(worker, 1))).isFalse();
            Files.createFile(lab.podNamespace());
            if (finish) {
                apply(vm);
                assertThat(new Executor().verify(vm)).isEmpty();
            }
            undo(vm);
            try (Netns pod = Netns.open(lab.workerPod().path());
                    Netns root = Netns.open(lab.worker().path());
                    Rtnl inPod = Rtnl.open(pod);
                    Rtnl inRoot = Rtnl.open(root)) {
                inRoot.addVxlan(NewLink.of("vxlan1"), TunnelLab.tunnelTo("10.10.1.2"), pod); // without alias
                inPod.trafficControl().addClsact(inPod.requireLink("eth0").index()); // without filter
            }
            if (finish) {
                apply(worker);
                assertThat(new Executor().verify(worker)).isEmpty();
            }
            undo(worker);
            assertThat(lab.take()).isEqualTo(before);
        }
        assertThat(survives(crashed(vm, 2))).isFalse(); // the namespace is there
        lab.vm()
                .exec(
                        "ip",
                        "link",
                        "set",
                        "ens6",
                        "netns",
                        lab.podNamespace().getFileName().toString());
        lab.inPod("ip", "link", "set", "ens6", "name", "halfway");
        apply(vm);
        assertThat(new Executor().verify(vm)).isEmpty();
        undo(vm);
        assertThat(lab.take()).isEqualTo(before);
    }

    @Test
    void linksOfOthersAreNeitherTakenNorRemoved() {
        lab.workerPod().exec("ip", "link", "add", "vxlan1", "type", "bridge");
        List<String> before = lab.take();
        Plan plan = lab.workerPlan();
        assertThatExceptionOfType(OpException.class)
                .isThrownBy(() -> apply(plan))
                .withMessageContaining("vxlan vxlan1 in " + lab.workerPod().path())
                .withMessageContaining("EEXIST")
                .satisfies(e -> assertThat(e.op()).isInstanceOf(Op.Link.class));
        undo(plan);
        assertThat(lab.take()).isEqualTo(before);
    }

    @Test
    void whatWasThereBeforeStays() {
        lab.workerPod().exec("ip", "neigh", "add", "10.244.1.77", "lladdr", "02:00:00:00:00:aa", "dev", "eth0");
        lab.workerPod().exec("ip", "neigh", "add", "10.244.1.78", "lladdr", "02:00:00:00:00:aa", "dev", "eth0");
        lab.workerPod().exec("ip", "addr", "add", "10.244.9.9/24", "dev", "eth0");
        lab.workerPod().exec("ip", "rule", "add", "from", "10.1.0.0/16", "lookup", "77", "priority", "77");
        lab.workerPod().exec("ip", "route", "add", "10.77.0.0/16", "via", "10.244.1.1");
        lab.workerPod().exec("tc", "qdisc", "add", "dev", "eth0", "clsact");
        List<String> before = lab.take();
        NetnsRef ns = NetnsRef.of(lab.workerPod().path());
        MacAddress mac = MacAddress.of("02:00:00:00:00:aa");
        Plan plan = new Plan(
                "peerpods:x",
                List.of(
                        new Op.Neighbour(ns, "eth0", IpAddresses.parse("10.244.1.77"), mac),
                        new Op.Neighbour(
                                ns, "eth0", IpAddresses.parse("10.244.1.78"), MacAddress.of("02:00:00:00:00:bb")),
                        new Op.Address(ns, "eth0", IpPrefix.of("10.244.9.9/24")),
                        new Op.Rule(ns, 77, IpPrefix.of("10.1.0.0/16"), null, 77),
                        Op.Route.unicast(ns, IpPrefix.of("10.77.0.0/16"), IpAddresses.parse("10.244.1.1"), "eth0"),
                        new Op.Link(ns, "br0", new LinkKind.Bridge(), null, 0, true),
                        new Op.Redirect(ns, "eth0", "br0"),
                        new Op.Mtu(ns, "eth0", 1400),
                        new Op.Sysctl(ns, "net/ipv4/ip_forward", "1")));
        apply(plan);
        assertThat(new Executor().verify(plan)).isEmpty();
        undo(plan);
        assertThat(lab.take()).isEqualTo(before);
        assertThat(lab.workerPod().exec("sysctl", "-n", "net.ipv4.ip_forward").strip())
                .isEqualTo("0");
    }

    @Test
    void aRenameAndACableAndForwardingEntriesAreTakenBack() {
        List<String> before = lab.take();
        NetnsRef worker = NetnsRef.of(lab.worker().path());
        NetnsRef pod = NetnsRef.of(lab.workerPod().path());
        Plan plan = new Plan(
                "peerpods:y",
                List.of(
                        new Op.Link(worker, "br9", new LinkKind.Bridge(), null, 0, true),
                        new Op.Link(worker, "cable", new LinkKind.Veth("end", pod), null, 1400, true, "br9"),
                        new Op.Link(
                                worker,
                                "vxf",
                                new LinkKind.Vxlan(worker, VxlanAttributes.byFdb(9, 4799)),
                                null,
                                0,
                                true),
                        new Op.Fdb(worker, "vxf", MacAddress.ZERO, IpAddresses.parse("10.10.1.2")),
                        new Op.Fdb(worker, "vxf", MacAddress.ZERO, IpAddresses.parse("10.10.1.3"), 4800),
                        new Op.Rename(pod, "eth0", "outer0"),
                        Op.Route.unicast(pod, IpPrefix.of("10.99.0.0/16"), IpAddresses.parse("169.254.7.7"), "outer0")
                                .asOnlink()
                                .withMetric(9)
                                .withMetrics(RouteMetrics.ofMtu(1200))));
        apply(plan);
        assertThat(new Executor().verify(plan)).isEmpty();
        assertThat(lab.workerPod().exec("ip", "-o", "link")).contains("outer0").contains("end@");
        apply(plan);
        undo(plan);
        assertThat(lab.take()).isEqualTo(before);
    }

    @Test
    void aRouteInTheWayIsAnErrorUnlessItIsToBeReplaced() {
        NetnsRef ns = NetnsRef.of(lab.workerPod().path());
        Op.Route other = Op.Route.unicast(ns, IpPrefix.IPV4_DEFAULT, IpAddresses.parse("10.244.1.9"), "eth0");
        List<String> before = lab.take();
        Plan beside = new Plan("peerpods:z", List.of(other));
        assertThatExceptionOfType(OpException.class)
                .isThrownBy(() -> apply(beside))
                .withMessageContaining("default via 10.244.1.9 dev eth0")
                .withMessageContaining("EEXIST");
        undo(beside);
        assertThat(lab.take()).isEqualTo(before);
        for (Op.Route replacing : List.of(other.replacing(), other.replacing().withMetric(50))) {
            Plan plan = new Plan("peerpods:z", List.of(replacing));
            apply(plan);
            assertThat(lab.workerPod().exec("ip", "route", "show", "default"))
                    .contains("10.244.1.9")
                    .doesNotContain("10.244.1.1 ");
            undo(plan);
            assertThat(lab.take()).isEqualTo(before);
        }
    }

    @Test
    void theDefaultRouteIsNeverAbsent() throws Exception {
        NetnsRef ns = NetnsRef.of(lab.workerPod().path());
        Op.Route other = Op.Route.unicast(ns, IpPrefix.IPV4_DEFAULT, IpAddresses.parse("10.244.1.9"), "eth0");
        AtomicBoolean stop = new AtomicBoolean();
        try (Netns netns = Netns.open(lab.workerPod().path());
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<Integer> watch = threads.submit(() -> netns.call(() -> {
                int looks = 0;
                try (Rtnl rtnl = Rtnl.open()) {
                    while (!stop.get()) {
                        assertThat(rtnl.routeTo(IpAddresses.parse("203.0.113.9"))
                                        .link())
                                .isPositive();
                        looks++;
                    }
                }
                return looks;
            }));
            try {
                for (Op.Route route :
                        List.of(other.replacing(), other.replacing().withMetric(50))) {
                    Plan plan = new Plan("peerpods:z", List.of(route));
                    for (int i = 0; i < 50; i++) {
                        Journal journal = Journal.inMemory();
                        new Executor().apply(plan, journal);
                        new Executor().undo(journal);
                    }
                }
            } finally {
                stop.set(true);
            }
            assertThat(watch.get()).isPositive();
        }
    }

    @Test
    void aNamespaceThatWasMadeAnewIsLeftAlone() {
        TempNetns pod = TempNetns.create("again");
        Plan plan =
                new Plan("peerpods:again", List.of(new Op.Sysctl(NetnsRef.of(pod.path()), "net/ipv4/ip_forward", "1")));
        apply(plan);
        String name = pod.name();
        pod.close();
        try (TempNetns keepsTheNumber = TempNetns.create("number")) {
            Programs.require("ip", "netns", "add", name);
            Programs.require("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1");
            undo(plan);
            assertThat(keepsTheNumber.path()).exists();
            assertThat(Programs.require("ip", "netns", "exec", name, "sysctl", "-n", "net.ipv4.ip_forward")
                            .strip())
                    .isEqualTo("1");
        } finally {
            Programs.require("ip", "netns", "del", name);
        }
    }

    @Test
    void namespacesThatAreGoneNeedNoUndo() {
        Plan plan = lab.podVmPlan();
        apply(plan);
        lab.inPod("ip", "link", "set", "ens6", "netns", lab.vm().name());
        Netns.delete(lab.podNamespace());
        undo(plan);
        assertThat(directory).isEmptyDirectory();
        assertThat(lab.vm().exec("ip", "-o", "addr")).contains("10.20.0.10/24");
    }

    @Test
    void aNicThatIsNotThereStopsThePlanBeforeItBegins() {
        List<String> before = lab.take();
        List<Op> ops = new ArrayList<>(lab.podVmPlan().ops());
        ops.replaceAll(op -> op instanceof Op.Move move
                ? new Op.Move(move.ns(), MacAddress.of("02:ff:ff:ff:ff:ff"), move.to(), move.name())
                : op);
        Plan plan = new Plan("peerpods:m", ops);
        assertThatExceptionOfType(OpException.class)
                .isThrownBy(() -> apply(plan))
                .withMessageContaining("02:ff:ff:ff:ff:ff")
                .withMessageContaining("ENODEV");
        undo(plan);
        assertThat(lab.take()).isEqualTo(before);
    }

    @Test
    void aMissingNamespaceIsNamed() {
        Plan plan = new Plan("peerpods:n", List.of(new Op.Up(NetnsRef.of("/run/netns/ppt-none"), "eth0")));
        assertThat(new Executor().verify(plan)).hasSize(1);
        assertThatExceptionOfType(OpException.class)
                .isThrownBy(() -> apply(plan))
                .withMessageContaining("/run/netns/ppt-none")
                .withCauseInstanceOf(LinuxException.class);
        undo(plan);
    }

    @Test
    void twentySetUpsAtOnceFromVirtualThreads() throws Exception {
        List<String> before = lab.take();
        Executor executor = new Executor();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> pods = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                int pod = i;
                pods.add(threads.submit(() -> {
                    Plan plan = lab.crowdPlan(pod);
                    Journal journal = Journal.open(directory.resolve("crowd" + pod));
                    executor.apply(plan, journal);
                    assertThat(executor.verify(plan)).isEmpty();
                    executor.undo(journal);
                }));
            }
            for (Future<?> pod : pods) {
                pod.get();
            }
        }
        assertThat(StrayThreads.find()).isEmpty();
        assertThat(lab.take()).isEqualTo(before);
    }

    @Test
    void anInterruptedCallerStillKnowsHowItEnded() {
        List<String> before = lab.take();
        Plan plan = lab.workerPlan();
        Thread.currentThread().interrupt();
        try {
            apply(plan);
            assertThat(new Executor().verify(plan)).isEmpty();
            undo(plan);
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(lab.take()).isEqualTo(before);
    }

    @Test
    void aRefusingRouteRefuses() {
        NetnsRef ns = NetnsRef.of(lab.workerPod().path());
        Plan plan = new Plan(
                "peerpods:p", List.of(Op.Route.refusal(ns, IpPrefix.of("169.254.169.254/32"), RouteType.PROHIBIT)));
        apply(plan);
        try (Netns netns = Netns.open(lab.workerPod().path());
                Rtnl rtnl = Rtnl.open(netns)) {
            assertThatExceptionOfType(LinuxException.class)
                    .isThrownBy(() -> rtnl.routeTo(IpAddresses.parse("169.254.169.254")))
                    .withMessageContaining("EACCES");
        }
        undo(plan);
    }
}
