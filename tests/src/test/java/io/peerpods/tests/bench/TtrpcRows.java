package io.peerpods.tests.bench;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Version() by one Go client, containerd's own, against containerd's Go server and the adaptor's hypervisor socket in turn. */
final class TtrpcRows {
    private static final Path GO_SOURCES = Path.of("ttrpc/src/test/go");
    private static final Path GO_LIBRARIES = Path.of("/usr/share/gocode");
    private static final int ROUNDS = 7;
    private static final int MILLIS = 700;

    private final Path peer;

    TtrpcRows(Path peer) {
        this.peer = peer;
    }

    /** Builds the Go program, which also plays a kata-agent that starts as quickly as the real one. */
    static Path build(Path directory) throws Exception {
        if (!Files.isDirectory(GO_LIBRARIES.resolve("src/github.com/containerd/ttrpc"))) {
            throw new IOException("apt-get install golang-go golang-github-containerd-ttrpc-dev");
        }
        Path peer = directory.resolve("peer");
        ProcessBuilder build = new ProcessBuilder("go", "build", "-o", peer.toString(), ".")
                .directory(GO_SOURCES.toFile())
                .redirectErrorStream(true);
        build.environment()
                .putAll(Map.of(
                        "GO111MODULE",
                        "off",
                        "CGO_ENABLED",
                        "0",
                        "GOPATH",
                        GO_LIBRARIES.toString(),
                        "GOFLAGS",
                        "",
                        "GOCACHE",
                        directory.resolve("go-cache").toString()));
        run(build);
        return peer;
    }

    void measure(Report report, SocketAddress adaptor, Path directory) throws Exception {
        Path goSocket = directory.resolve("go.sock");
        try (Daemon go = Daemon.start(
                "Go server",
                Path.of(""),
                Map.of(),
                directory.resolve("go.log"),
                List.of(peer.toString(), "serve", goSocket.toString()))) {
            go.await("socket", Duration.ofSeconds(10), () -> Files.exists(goSocket));
            Path ours = ((UnixDomainSocketAddress) adaptor).getPath();
            for (String connections : List.of("shared", "each")) {
                // Warm: C2 needs some ten thousand calls, and no pod waits for them.
                calls(ours, 16, 3000, connections);
                for (int callers : List.of(1, 16, 64)) {
                    Series mine = new Series();
                    Series reference = new Series();
                    for (int round = 0; round < ROUNDS; round++) {
                        reference.add(calls(goSocket, callers, MILLIS, connections));
                        mine.add(calls(ours, callers, MILLIS, connections));
                    }
                    boolean shared = connections.equals("shared");
                    report.add(Row.ratioAtLeast(
                            "Version(), " + callers + (callers == 1 ? " caller, " : " callers, ")
                                    + (shared ? "one connection" : "a connection a call"),
                            "calls/s",
                            mine,
                            reference,
                            shared ? 1.0 : 0.9));
                }
            }
        }
    }

    private double calls(Path socket, int callers, int millis, String connections) throws Exception {
        String out = run(new ProcessBuilder(
                peer.toString(),
                "bench",
                socket.toString(),
                Integer.toString(callers),
                Integer.toString(millis),
                connections));
        return Double.parseDouble(out.strip().split(" ", -1)[0]);
    }

    private static String run(ProcessBuilder command) throws Exception {
        Process process = command.redirectErrorStream(true).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(command.command() + " failed: " + out);
        }
        return out;
    }
}
