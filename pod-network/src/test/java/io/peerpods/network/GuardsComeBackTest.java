package io.peerpods.network;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.NftablesReader;
import io.peerpods.linux.op.Executor;
import io.peerpods.linux.op.Journal;
import io.peerpods.linux.op.NetnsRef;
import io.peerpods.linux.op.Plan;
import io.peerpods.network.guard.RepairLog;
import io.peerpods.network.spec.PodNetworkSpec;
import io.peerpods.network.vm.NicFacts;
import io.peerpods.network.vm.PodVmNetwork;
import io.peerpods.network.vm.PodVmPlan;
import io.peerpods.network.worker.WorkerGuards;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.testing.Programs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Rules of ours that another program takes away or changes, in each of the four namespaces that have some. */
@NeedsRoot
@NeedsProgram({"ip", "nft", "sh"})
class GuardsComeBackTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** So long that only the kernel's events can be the reason for a repair. */
    private static final Duration NEVER = Duration.ofHours(1);

    private final MiniLab lab = new MiniLab();
    private final Executor executor = new Executor();
    private final WorkerGuards workerGuards = new WorkerGuards(executor, NetnsRef.of(lab.worker.path()));
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @SuppressWarnings("NullAway.Init")
    private PodVmNetwork vm;

    @SuppressWarnings("NullAway.Init")
    private Plan workerPlan;

    @SuppressWarnings("NullAway.Init")
    private Journal workerJournal;

    @BeforeEach
    void up() throws Exception {
        lines.start();
        logger().addAppender(lines);
        PodNetworkSpec spec = Specs.pod();
        workerPlan = lab.workerPlan(spec);
        workerJournal = Journal.open(directory.resolve("worker.journal"));
        executor.apply(workerPlan, workerJournal);
        workerGuards.watch(MiniLab.SANDBOX, workerPlan);
        vm = PodVmNetwork.open(Files.createDirectory(directory.resolve("vm")), executor, spec, lab.vmPlace(), NEVER);
        vm.setUp(NicFacts.Source.NONE, MiniLab.patience());
    }

    @AfterEach
    void down() {
        logger().detachAppender(lines);
        vm.tearDown();
        workerGuards.close();
        executor.undo(workerJournal);
        lab.close();
    }

    private static Logger logger() {
        return (Logger) LoggerFactory.getLogger(RepairLog.class);
    }

    /** A namespace that has rules of ours in that table. */
    private record Place(String name, Path netns, String family, String table, LongSupplier repairs) {
        Programs.Result run(String... command) {
            List<String> words = new ArrayList<>(List.of("nsenter", "--net=" + netns));
            words.addAll(List.of(command));
            return Programs.run(words.toArray(String[]::new));
        }

        void nft(String script) {
            Programs.Result result = run("nft", script);
            assertThat(result.exit()).as(name + ": " + result.output()).isZero();
        }

        String tableName() {
            return family + " " + table;
        }

        /** Empty when the table is away. */
        String rules() {
            Programs.Result listing = run("nft", "list", "table", family, table);
            return listing.exit() == 0 ? listing.output().replaceAll("counter packets \\d+ bytes \\d+", "counter") : "";
        }

        NftablesReader.Rule anyRule() {
            try (Netns open = Netns.open(netns);
                    NftablesReader nftables = NftablesReader.open(open)) {
                return nftables.rules(family, table).getLast();
            }
        }
    }

    private List<Place> places() {
        return List.of(
                new Place("the worker", lab.worker.path(), "inet", "peerpods-test", workerGuards::repairs),
                new Place(
                        "the pod's namespace on the worker",
                        lab.wpod.path(),
                        "netdev",
                        "peerpods-hairpin",
                        workerGuards::repairs),
                new Place("the VM", lab.vm.path(), "inet", PodVmPlan.NFT_TABLE, vm::guardRepairs),
                new Place(
                        "the pod's namespace in the VM",
                        Path.of("/run/netns", lab.podns),
                        "inet",
                        PodVmPlan.NFT_TABLE,
                        vm::guardRepairs));
    }

    private static void isBack(Place place, String rules, String removal) {
        assertThat(MiniLab.eventually(() -> place.rules().equals(rules), PATIENCE))
                .as(removal + " in " + place.name() + ": expected " + rules + " but was " + place.rules())
                .isTrue();
    }

    @Test
    void whatAFirewallTakesAwayIsBackInEachNamespaceAndEachRepairIsOne() {
        for (Place place : places()) {
            String rules = place.rules();
            assertThat(rules).as(place.name()).contains("comment");
            long before = place.repairs().getAsLong();
            List<String> removals = List.of(
                    "flush ruleset",
                    "delete table " + place.tableName(),
                    "flush chain " + place.tableName() + " " + place.anyRule().chain(),
                    "flush table " + place.tableName(),
                    "add table " + place.tableName() + " { flags dormant; }");
            for (String removal : removals) {
                place.nft(removal);
                isBack(place, rules, removal);
            }
            assertThat(MiniLab.eventually(() -> place.repairs().getAsLong() == before + removals.size(), PATIENCE))
                    .as(place.name() + ": " + (place.repairs().getAsLong() - before))
                    .isTrue();
        }
    }

    @Test
    void aRuleChangedUnderTheSameCommentIsBackInEachNamespace() {
        for (Place place : places()) {
            String rules = place.rules();
            NftablesReader.Rule rule = place.anyRule();
            String change = "replace rule " + place.tableName() + " " + rule.chain() + " handle " + rule.handle()
                    + " counter accept comment \"" + rule.comment() + "\"";
            place.nft(change);
            isBack(place, rules, change);
        }
    }

    @Test
    void changesOfOtherTablesMakeNoTransactionOfOurs() {
        for (Place place : places()) {
            long handle = place.anyRule().handle();
            long before = place.repairs().getAsLong();
            for (int i = 0; i < 20; i++) {
                place.nft("add table inet peerpods-other; delete table inet peerpods-other");
            }
            assertThat(place.anyRule().handle()).as(place.name()).isEqualTo(handle);
            // In order behind all of those: when this is repaired, they have been looked at.
            place.nft("flush ruleset");
            assertThat(MiniLab.eventually(() -> place.repairs().getAsLong() > before, PATIENCE))
                    .isTrue();
            assertThat(place.repairs().getAsLong()).as(place.name()).isEqualTo(before + 1);
        }
    }

    @Test
    void aProgramThatFlushesAllTheTimeIsAnsweredOnceASecondAndWithOneLine() throws Exception {
        for (Place place : places()) {
            String rules = place.rules();
            lines.list.clear();
            long before = place.repairs().getAsLong();
            long from = System.nanoTime();
            Process fighter = new ProcessBuilder(
                            "nsenter", "--net=" + place.netns(), "sh", "-c", "while :; do nft flush ruleset; done")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try {
                // 20 + 40 + ... + 640 ms, then a second each.
                assertThat(MiniLab.eventually(() -> place.repairs().getAsLong() >= before + 8, PATIENCE))
                        .as(place.name())
                        .isTrue();
            } finally {
                fighter.destroyForcibly().waitFor();
            }
            long repairs = place.repairs().getAsLong() - before;
            long seconds = Duration.ofNanos(System.nanoTime() - from).toSeconds();
            assertThat(repairs).as(place.name() + " in " + seconds + " s").isLessThanOrEqualTo(9 + seconds);
            assertThat(seconds).as("a rest between the repairs").isPositive();
            isBack(place, rules, "the last flush");
            assertThat(lines.list).as(place.name()).hasSizeLessThanOrEqualTo(1 + (int) seconds / 60);
        }
    }

    @Test
    void nothingOfASandboxThatWasForgottenComesBack() {
        workerGuards.forget(MiniLab.SANDBOX);
        Place worker = places().get(0);
        worker.nft("flush ruleset");
        places().get(1).nft("flush ruleset");
        // The watch of the worker's namespace goes on: what it puts back now is another's only.
        workerGuards.watch("other", new Plan("peerpods:other", workerPlan.ops()));
        assertThat(MiniLab.eventually(() -> worker.rules().isEmpty(), PATIENCE)).isTrue();
        worker.nft("add table " + worker.tableName());
        assertThat(MiniLab.eventually(() -> worker.rules().contains("peerpods:other"), PATIENCE))
                .isTrue();
        assertThat(worker.rules()).doesNotContain("peerpods:" + MiniLab.SANDBOX);
        workerGuards.forget("other");
        worker.nft("delete table " + worker.tableName());
    }

    @Test
    void aPodsNamespaceThatTheCniTakesAwayIsLetGo() {
        lab.worker.exec("ip", "link", "add", "probe", "type", "veth", "peer", "name", "end", "netns", lab.wpod.name());
        lab.wpod.exec("ip", "link", "del", "eth0");
        lab.wpod.close();
        // A pair's end goes when the namespace of the other one ends.
        assertThat(MiniLab.eventually(
                        () -> lab.worker.tryExec("ip", "link", "show", "probe").exit() != 0, PATIENCE))
                .isTrue();
        assertThat(lines.list).isEmpty();
    }
}
