package io.peerpods.ttrpc;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** containerd's Go ttrpc as a program: {@code src/test/go}, built with Debian's Go and its library packages. */
final class GoPeer {
    private static final Path GOCODE = Path.of("/usr/share/gocode");

    private final Path program;

    private GoPeer(Path program) {
        this.program = program;
    }

    /** Whether Debian's golang-github-containerd-ttrpc-dev is there; used by the test's condition. */
    static boolean libraryIsThere() {
        return Files.isDirectory(GOCODE.resolve("src/github.com/containerd/ttrpc"));
    }

    static GoPeer build(Path dir) throws IOException, InterruptedException {
        Path program = dir.resolve("peer");
        ProcessBuilder build = new ProcessBuilder("go", "build", "-o", program.toString(), ".")
                .directory(Path.of("src/test/go").toFile())
                .redirectErrorStream(true);
        build.environment().put("GO111MODULE", "off");
        build.environment().put("GOPATH", GOCODE.toString());
        build.environment().put("GOFLAGS", "");
        build.environment()
                .put("GOCACHE", Path.of("target/go-cache").toAbsolutePath().toString());
        run(build);
        return new GoPeer(program);
    }

    /** Runs a client to its end and returns what it printed. */
    List<String> run(String mode, Path socket) throws IOException, InterruptedException {
        return run(new ProcessBuilder(program.toString(), mode, socket.toString()).redirectErrorStream(true))
                .lines()
                .toList();
    }

    /** Starts a server, which ends when its standard input does, and waits until it listens. */
    Process serve(Path socket) throws IOException {
        Process server = new ProcessBuilder(program.toString(), "serve", socket.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String first = server.inputReader(UTF_8).readLine();
        if (!"ready".equals(first)) {
            server.destroyForcibly();
            throw new IOException("the Go server did not start: " + first);
        }
        return server;
    }

    private static String run(ProcessBuilder command) throws IOException, InterruptedException {
        Process process = command.start();
        try {
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), UTF_8);
            if (!process.waitFor(300, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException(command.command() + " failed: " + output);
            }
            return output;
        } finally {
            process.destroyForcibly();
        }
    }
}
