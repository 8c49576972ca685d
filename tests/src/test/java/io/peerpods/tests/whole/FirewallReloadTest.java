package io.peerpods.tests.whole;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.tests.lab.Adaptor;
import io.peerpods.tests.lab.Place;
import io.peerpods.tests.lab.PodConnection;
import io.peerpods.tests.lab.PodTopology;
import io.peerpods.tests.lab.Until;
import io.peerpods.tests.lab.WholePod;
import io.peerpods.vpc.model.ClusterPod;
import java.io.InputStream;
import java.net.URI;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A firewall's reload on the worker and in the VM, while the daemons run and after the adaptor was started again. */
@Tag("root")
@NeedsDistributions
class FirewallReloadTest {

    @SuppressWarnings("NullAway.Init")
    private static Lab lab;

    @BeforeAll
    static void make() {
        lab = Lab.make();
    }

    @AfterAll
    static void end() {
        lab.close();
    }

    @Test
    void theGuardsOfARunningPodAreBackAfterAReloadAndCounted() throws Exception {
        Adaptor adaptor =
                lab.adaptor(Adaptor.Options.of(PodConnection.BY_WORKER).flag("-probe-port=off"));
        ClusterPod cni = lab.cluster().newPod();
        WholePod pod = WholePod.start(lab.cluster(), adaptor, cni, step -> {});
        PodTopology topology = pod.topology(PodConnection.BY_WORKER);
        Place worker = lab.cluster().worker();
        for (Place place : new Place[] {worker, topology.onWorker(), topology.vm(), topology.inVm()}) {
            isBackAfterAFlush(place);
        }
        Until.holds("the repairs are counted", () -> repairs(worker) >= 2);
        assertThat(adaptor.daemon().log()).contains("they are back");

        assertThat(adaptor.daemon().terminate()).isZero();
        adaptor.startAgain(Map.of()).awaitReady();
        Until.holds("the sandbox is adopted", () -> adaptor.daemon().log().contains("adopted VM"));
        isBackAfterAFlush(worker);
        Until.holds("the repair is counted", () -> repairs(worker) >= 1);

        adaptor.shim().stopVm(pod.id());
        Until.holds(
                "nothing of the pod is left",
                () -> ours(worker).isEmpty() && ours(topology.onWorker()).isEmpty());
    }

    private static void isBackAfterAFlush(Place place) throws InterruptedException {
        String before = ours(place);
        assertThat(before).as(place.name()).contains("comment");
        place.nft("flush ruleset");
        Until.holds("the rules are back: " + place.name(), () -> ours(place).equals(before));
    }

    /** The rules of ours, without what their counters say. */
    private static String ours(Place place) {
        return place.require("nft", "list", "ruleset")
                .lines()
                .filter(line -> line.contains("comment \"peerpods:"))
                .map(line -> line.replaceAll("counter packets \\d+ bytes \\d+", "counter"))
                .reduce("", (a, b) -> a + b + "\n");
    }

    private static long repairs(Place worker) {
        return metrics(worker)
                .lines()
                .filter(line -> line.startsWith("peerpods_guard_repairs_total "))
                .mapToLong(line -> (long) Double.parseDouble(line.substring(line.indexOf(' ') + 1)))
                .sum();
    }

    private static String metrics(Place worker) {
        try {
            return worker.call(() -> {
                URLConnection connection =
                        URI.create("http://127.0.0.1:9464/metrics").toURL().openConnection();
                // The JDK keeps connections by their address, which means another one in each namespace.
                connection.setRequestProperty("Connection", "close");
                try (InputStream in = connection.getInputStream()) {
                    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
                }
            });
        } catch (Exception e) {
            throw new IllegalStateException("read the metrics of " + worker.name(), e);
        }
    }
}
