package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Ten pods at once on one worker: each gets its own VM, tunnel and addresses, and all of it goes again. */
@Tag("root")
@NeedsDistributions
class ManyPodsTest {

    private static final int PODS = 10;

    @Test
    void tenPodsComeAndGoAtOnce() throws Exception {
        try (Lab lab = Lab.make();
                ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            Adaptor adaptor = lab.adaptor(Adaptor.Options.of(PodConnection.BY_POD_VM));
            List<ClusterPod> seats =
                    Stream.generate(lab.cluster()::newPod).limit(PODS).toList();
            List<Future<WholePod>> starting = new ArrayList<>();
            for (ClusterPod seat : seats) {
                starting.add(callers.submit(() -> WholePod.start(lab.cluster(), adaptor, seat, step -> {})));
            }
            List<WholePod> pods = new ArrayList<>();
            for (Future<WholePod> each : starting) {
                pods.add(each.get());
            }
            List<PodTopology> scenes = pods.stream()
                    .map(pod -> pod.topology(PodConnection.BY_POD_VM))
                    .toList();
            assertThat(scenes.stream().map(PodTopology::vni)).doesNotHaveDuplicates();
            assertThat(scenes.stream().map(PodTopology::vmAddress)).doesNotHaveDuplicates();
            for (int i = 0; i < PODS; i++) {
                PodTopology topology = scenes.get(i);
                assertThat(topology.pingFromPod(topology.cluster().distantAddress())
                                .ok())
                        .isTrue();
                assertThat(topology.pingFromPod(topology.cluster().internetAddress())
                                .ok())
                        .isTrue();
                assertThat(topology.pingFromPod(scenes.get((i + 1) % PODS).podAddress())
                                .ok())
                        .as("pod to pod, both on VMs")
                        .isTrue();
            }
            List<Future<?>> stopping = new ArrayList<>();
            for (WholePod pod : pods) {
                stopping.add(callers.submit(pod::stop));
            }
            for (Future<?> each : stopping) {
                each.get();
            }
            List<Place> namespaces = seats.stream()
                    .map(seat -> new Place(seat.name(), seat.namespace()))
                    .toList();
            Until.holds(
                    "nothing is left",
                    () -> LeftoverReport.ofPods(lab.cluster(), lab.cluster().worker(), namespaces, adaptor)
                            .isEmpty());
        }
    }
}
