package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Census;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.Scene;
import io.peerpods.tests.lab.Setting;
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
            Adaptor adaptor = lab.adaptor(Adaptor.Options.of(Setting.BY_POD_VM));
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
            List<Scene> scenes =
                    pods.stream().map(pod -> pod.scene(Setting.BY_POD_VM)).toList();
            assertThat(scenes.stream().map(Scene::vni)).doesNotHaveDuplicates();
            assertThat(scenes.stream().map(Scene::vmAddress)).doesNotHaveDuplicates();
            for (int i = 0; i < PODS; i++) {
                Scene scene = scenes.get(i);
                assertThat(scene.pingFromPod(scene.cluster().distantAddress()).ok())
                        .isTrue();
                assertThat(scene.pingFromPod(scene.cluster().internetAddress()).ok())
                        .isTrue();
                assertThat(scene.pingFromPod(scenes.get((i + 1) % PODS).podAddress())
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
                    () -> Census.ofPods(lab.cluster(), lab.cluster().worker(), namespaces, adaptor)
                            .isEmpty());
        }
    }
}
