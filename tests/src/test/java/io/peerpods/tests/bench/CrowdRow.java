package io.peerpods.tests.bench;

import io.peerpods.linux.Netns;
import io.peerpods.linux.netlink.Rtnl;
import io.peerpods.network.worker.WorkerPlan;
import io.peerpods.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Relayed calls while twenty sandboxes start at once. Their VMs wait before they start their programs: what competes with the relay
 * is the adaptor's own work, not twenty booting JVMs on the same machine.
 */
final class CrowdRow {
    private static final int CROWD = 20;
    private static final String BOOT_DELAY = "15s";

    private CrowdRow() {}

    static void measure(Report report, World world, Map<String, String> agent) throws Exception {
        Map<String, String> settings = new HashMap<>(agent);
        settings.put("LOCAL_BOOT_DELAY", BOOT_DELAY);
        try (World.Adaptor adaptor = world.adaptor(settings)) {
            Shim shim = new Shim(adaptor.socket());
            Path socket = shim.create("calm", world.pod());
            shim.start("calm");
            List<Path> pods = new ArrayList<>();
            for (int i = 0; i < CROWD; i++) {
                Path pod = world.pod();
                pods.add(pod);
                var _ = shim.create("crowd" + i, pod);
            }
            Series calm = new Series();
            Series crowded = new Series();
            try (TtrpcChannel channel = TtrpcChannel.connect(UnixDomainSocketAddress.of(socket))) {
                for (int i = 0; i < 15_000; i++) {
                    check(channel, i < 10_000 ? new Series() : calm);
                }
                List<Thread> starting = startAll(shim);
                while (!allTunnels(pods)) {
                    for (int i = 0; i < 200; i++) {
                        check(channel, crowded);
                    }
                }
                for (int i = 0; i < CROWD; i++) {
                    shim.stop("crowd" + i);
                }
                for (Thread thread : starting) {
                    thread.join();
                }
            }
            shim.stop("calm");
            world.awaitNoVms();
            report.add(Row.p99Below("a relayed Check while 20 tunnels are set up", "ms", crowded, 5));
            report.add(Row.plain("the same, 99th percentile, to that of calm", "ms", only(crowded), only(calm)));
        }
    }

    private static Series only(Series all) {
        Series one = new Series();
        one.add(all.percentile(99));
        return one;
    }

    private static List<Thread> startAll(Shim shim) {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CROWD; i++) {
            String id = "crowd" + i;
            threads.add(Thread.startVirtualThread(() -> {
                try {
                    shim.start(id);
                } catch (IOException | RuntimeException stopped) {
                    // It is stopped before its VM has booted.
                }
            }));
        }
        return threads;
    }

    private static boolean allTunnels(List<Path> pods) {
        for (Path pod : pods) {
            try (Netns netns = Netns.open(pod);
                    Rtnl rtnl = Rtnl.open(netns)) {
                if (rtnl.link(WorkerPlan.TUNNEL_LINK).isEmpty()) {
                    return false;
                }
            }
        }
        return true;
    }

    private static void check(TtrpcChannel channel, Series into) {
        long begun = System.nanoTime();
        Shim.check(channel);
        into.add((System.nanoTime() - begun) / 1e6);
    }
}
