package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.linux.op.Plan;
import io.peerpods.testing.NeedsProgram;
import io.peerpods.testing.NeedsRoot;
import io.peerpods.tests.lab.CheckTable;
import io.peerpods.tests.lab.OpKind;
import io.peerpods.tests.lab.PlannedPod;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.RoutedCni;
import io.peerpods.tests.lab.Row;
import io.peerpods.vpc.model.VpcSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The check table with each kind of op left out of the plans in turn: the rows that say that they need it must fail, or they prove
 * nothing. The plans are carried out without daemons here, on a VM that runs nothing.
 */
@NeedsRoot
@NeedsProgram({"ip", "tc", "nft", "nsenter", "unshare", "setsid", "ping", "bash", "timeout"})
class AblationTest {

    @ParameterizedTest
    @EnumSource(PodConnection.class)
    void rowsFailWithoutTheOpsThatTheyNeed(PodConnection setting) throws Exception {
        try (Lab lab = Lab.make(VpcSpec.DEFAULT.withMtu(setting.underlayMtu()));
                Seat seat = Seat.make(lab, setting)) {
            Set<OpKind> present = EnumSet.noneOf(OpKind.class);
            try (PlannedPod pod = PlannedPod.plan(lab.cluster(), setting, seat.onWorker(), "whole")) {
                pod.apply(UnaryOperator.identity());
                assertThat(pod.differences()).isEmpty();
                List<String> failing = new ArrayList<>();
                CheckTable.look(pod.topology(), finding -> {
                    if (!finding.proof().holds()) {
                        failing.add(
                                finding.row().name() + ": " + finding.proof().words());
                    }
                });
                assertThat(failing).as("rows that fail with nothing left out").isEmpty();
                for (OpKind kind : OpKind.values()) {
                    if (kind.isIn(pod.workerPlan()) || kind.isIn(pod.vmPlan())) {
                        present.add(kind);
                    }
                }
            }
            Set<OpKind> needed = EnumSet.noneOf(OpKind.class);
            CheckTable.rows(setting).forEach(row -> needed.addAll(row.needs(setting)));
            assertThat(needed)
                    .as("kinds of op in the plans of %s, each needed by a row", setting)
                    .isEqualTo(present);
            List<String> wrong = new ArrayList<>();
            for (OpKind kind : needed) {
                wrong.addAll(holdingWithout(kind, setting, lab, seat));
            }
            assertThat(wrong)
                    .as("rows that hold without what they say they need")
                    .isEmpty();
        }
    }

    private static List<String> holdingWithout(OpKind kind, PodConnection setting, Lab lab, Seat seat)
            throws Exception {
        UnaryOperator<Plan> change = kind::leftOutOf;
        try (PlannedPod pod = PlannedPod.plan(lab.cluster(), setting, seat.onWorker(), "without")) {
            pod.apply(change);
            PodTopology topology = pod.topology().impatient();
            return CheckTable.rows(setting).stream()
                    .filter(row -> row.needs(setting).contains(kind))
                    .filter(row -> row.look(topology).holds())
                    .map(row -> row.name() + " holds without " + kind)
                    .toList();
        }
    }

    /** Every kind of op is needed by some row, under every setting whose plans have it; the tests above hold each claim. */
    @Test
    void everyKindOfOpIsNeededByARow() {
        Map<OpKind, Set<PodConnection>> claims = new EnumMap<>(OpKind.class);
        for (PodConnection setting : PodConnection.values()) {
            for (Row row : CheckTable.rows(setting)) {
                row.needs(setting)
                        .forEach(kind -> claims.computeIfAbsent(kind, any -> EnumSet.noneOf(PodConnection.class))
                                .add(setting));
            }
        }
        assertThat(claims.keySet()).containsExactlyInAnyOrderElementsOf(Arrays.asList(OpKind.values()));
    }

    /** The pod's place on the worker, as the setting's CNI makes it. */
    private record Seat(PlannedPod.SeatOnWorker onWorker, Runnable end) implements AutoCloseable {

        static Seat make(Lab lab, PodConnection setting) {
            return switch (setting.cni()) {
                case BRIDGE -> new Seat(PlannedPod.SeatOnWorker.of(lab.cluster().newPod()), () -> {});
                case ROUTED -> {
                    RoutedCni cni = RoutedCni.make(lab.cluster());
                    yield new Seat(cni.seat(), cni::close);
                }
            };
        }

        @Override
        public void close() {
            end.run();
        }
    }
}
