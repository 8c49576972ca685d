package io.peerpods.tests.bench;

import io.peerpods.ttrpc.TtrpcChannel;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The agent path: client, relay (the adaptor), TLS, forwarder (podvm-agent in its VM) and agent, five processes with TLS between,
 * against the same client and agent without the two in the middle, and against a bare TLS stream between two Java processes.
 */
final class RelayRows {
    private static final int ROUNDS = 7;
    private static final int CALLS = 1500;
    private static final int MEBIBYTE = 1 << 20;
    private static final int MEBIBYTES = 192;
    private static final int CALLERS = 4;

    private RelayRows() {}

    static void measure(Report report, Distributions distributions, Path directory, Path relayed, Path direct)
            throws Exception {
        Path port = directory.resolve("tls.port");
        try (TtrpcChannel relay = TtrpcChannel.connect(UnixDomainSocketAddress.of(relayed));
                TtrpcChannel agent = TtrpcChannel.connect(UnixDomainSocketAddress.of(direct));
                Daemon source = Daemon.start(
                        "TLS source",
                        Path.of(""),
                        Map.of(),
                        directory.resolve("tls.log"),
                        distributions.java(BareTls.class, port.toString()))) {
            source.await("port", Duration.ofSeconds(60), () -> Files.exists(port));
            latency(report, relay, agent);
            throughput(report, relay, agent, Integer.parseInt(Files.readString(port)));
        }
    }

    private static void latency(Report report, TtrpcChannel relay, TtrpcChannel agent) {
        Series relayed = new Series();
        Series direct = new Series();
        for (int i = 0; i < 10_000; i++) {
            Shim.check(relay);
            Shim.check(agent);
        }
        for (int round = 0; round < ROUNDS; round++) {
            direct.add(medianMicros(agent));
            relayed.add(medianMicros(relay));
        }
        report.add(Row.addsAtMost("relay and forwarder, a small call", "us", relayed, direct, 300));
    }

    private static double medianMicros(TtrpcChannel channel) {
        Series calls = new Series();
        for (int i = 0; i < CALLS; i++) {
            long begun = System.nanoTime();
            Shim.check(channel);
            calls.add((System.nanoTime() - begun) / 1e3);
        }
        return calls.median();
    }

    private static void throughput(Report report, TtrpcChannel relay, TtrpcChannel agent, int tlsPort)
            throws Exception {
        Series relayed = new Series();
        Series direct = new Series();
        Series bare = new Series();
        Series one = new Series();
        for (int round = -2; round < ROUNDS; round++) {
            double tls = BareTls.throughput(tlsPort, MEBIBYTES);
            double through = read(relay, CALLERS);
            double straight = read(agent, CALLERS);
            double single = read(relay, 1);
            if (round >= 0) {
                bare.add(tls);
                relayed.add(through);
                direct.add(straight);
                one.add(single);
            }
        }
        report.add(Row.ratioAtLeast("relay, 1 MiB answers, 4 callers, to bare TLS", "MiB/s", relayed, bare, 0.5));
        report.add(Row.plain("relay, 1 MiB answers, 4 callers, to client and agent", "MiB/s", relayed, direct));
        report.add(Row.plain("relay, 1 MiB answers, 1 caller, to bare TLS", "MiB/s", one, bare));
    }

    private static double read(TtrpcChannel channel, int callers) throws InterruptedException {
        AtomicInteger left = new AtomicInteger(MEBIBYTES);
        List<Thread> threads = new ArrayList<>();
        long begun = System.nanoTime();
        for (int i = 0; i < callers; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                while (left.getAndDecrement() > 0) {
                    if (Shim.read(channel, MEBIBYTE) < MEBIBYTE) {
                        throw new IllegalStateException("a short answer");
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        return MEBIBYTES / ((System.nanoTime() - begun) / 1e9);
    }
}
