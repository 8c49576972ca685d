package io.peerpods.tests.demo;

import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.CheckTable;
import io.peerpods.tests.lab.Cloud;
import io.peerpods.tests.lab.Cluster;
import io.peerpods.tests.lab.Distributions;
import io.peerpods.tests.lab.LeftoverReport;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One part of the demo: an adaptor, one pod from CreateVM to StopVM, its table of checks, and what is left. */
final class Part {

    private final Screen screen;
    private final DemoDirectory ground;
    private final Distributions distributions;

    Part(Screen screen, DemoDirectory ground, Distributions distributions) {
        this.screen = screen;
        this.ground = ground;
        this.distributions = distributions;
    }

    /**
     * What came of it.
     *
     * @param left things that the pod left behind
     */
    record Result(List<CheckTable.Finding> findings, List<String> left) {}

    Result run(PodConnection setting, Cluster cluster, Cloud cloud, Path directory)
            throws IOException, InterruptedException {
        screen.part("A pod with " + setting.words());
        try (Adaptor adaptor =
                Adaptor.start(distributions, cluster, cluster.worker(), directory, cloud.options(setting))) {
            ground.note(adaptor.daemon().pid());
            adaptor.awaitReady();
            screen.step("adaptor started and ready");
            ClusterPod cni = cluster.newPod();
            screen.step("the CNI made the pod's namespace on the worker");
            List<CheckTable.Finding> findings;
            try (WholePod pod = WholePod.start(cluster, adaptor, cni, screen::step)) {
                findings = CheckTable.look(pod.topology(setting), screen::finding);
                screen.step("all checks");
                pod.stop();
                screen.step("containers ended, StopVM");
            }
            List<String> left = left(cluster, cloud, cni, adaptor);
            screen.step("left behind: " + left.size());
            left.forEach(screen::line);
            cluster.removePod(cni);
            adaptor.daemon().terminate();
            return new Result(findings, left);
        }
    }

    /** Deletion goes on after StopVM's answer, so zero is waited for; what is not gone then is left. */
    private static List<String> left(Cluster cluster, Cloud cloud, ClusterPod cni, Adaptor adaptor)
            throws InterruptedException {
        List<Place> namespaces = List.of(new Place("the pod's namespace", cni.namespace()));
        try {
            return Until.found("nothing is left", Duration.ofSeconds(20), () -> {
                List<String> now = now(cluster, cloud, namespaces, adaptor);
                return now.isEmpty() ? Optional.of(now) : Optional.empty();
            });
        } catch (IllegalStateException e) {
            return now(cluster, cloud, namespaces, adaptor);
        }
    }

    private static List<String> now(Cluster cluster, Cloud cloud, List<Place> namespaces, Adaptor adaptor) {
        List<String> all = new ArrayList<>(LeftoverReport.ofPods(cluster, cluster.worker(), namespaces, adaptor));
        all.addAll(cloud.left());
        return all;
    }
}
