package io.peerpods.relay;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.proto.ttrpc.Request;
import io.peerpods.testing.NeedsProgram;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A daemon that has no free descriptor, by a real limit on a real process. */
@NeedsProgram("prlimit")
class DescriptorsTest {

    /** How long the want of descriptors is watched. */
    private static final Duration WATCHED = Duration.ofSeconds(3);

    @TempDir
    Path directory;

    @Test
    void aDaemonWithoutFreeDescriptorsRestsAndServesAgainWhenThereAreSome() throws Exception {
        Path log = directory.resolve("log");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DescriptorsMain.class.getName(),
                        directory.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            Eventually.until("the daemon is ready", () -> text(log).contains("ready"));
            for (String listener : List.of("server", "relay")) {
                assertThat(serves(listener)).as(listener).isTrue();
                starve(process, listener);
                assertThat(serves(listener)).as(listener + " after that").isTrue();
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private void starve(Process process, String listener) throws Exception {
        Path log = directory.resolve("log");
        String before = text(log);
        List<SocketChannel> callers = new ArrayList<>();
        try {
            limit(process, descriptors(process) + 2L);
            for (int i = 0; i < 8; i++) {
                callers.add(SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve(listener))));
            }
            Eventually.until(
                    listener + " has no descriptor",
                    () -> text(log).substring(before.length()).contains("Too many open files"));
            Duration begun = used(process);
            Thread.sleep(WATCHED);
            assertThat(used(process).minus(begun))
                    .as("processor time of %s in %s", listener, WATCHED)
                    .isLessThan(WATCHED.dividedBy(2));
            assertThat(text(log).substring(before.length()).lines().filter(line -> line.contains("accept")))
                    .as(listener + " in the log")
                    .hasSizeLessThan(20);
        } finally {
            limit(process, 4096);
            for (SocketChannel caller : callers) {
                caller.close();
            }
        }
    }

    /** Whether a call is answered, be it by a refusal: the server knows no such method, the relay no address of a VM. */
    private boolean serves(String listener) throws Exception {
        try (Caller caller = Caller.connect(directory.resolve(listener))) {
            byte[] call = Caller.request(
                    "grpc.AgentService",
                    "StatsContainer",
                    new byte[0],
                    Duration.ofMillis(500).toNanos());
            assertThat(Request.parseFrom(call).getService()).isEqualTo("grpc.AgentService");
            return Caller.await(caller.send(1, call)).hasStatus();
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static long descriptors(Process process) throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc", String.valueOf(process.pid()), "fd"))) {
            return open.mapToLong(path -> Long.parseLong(path.getFileName().toString()))
                    .max()
                    .orElseThrow();
        }
    }

    private static void limit(Process process, long most) throws Exception {
        assertThat(new ProcessBuilder("prlimit", "--pid", String.valueOf(process.pid()), "--nofile=" + most + ":4096")
                        .inheritIO()
                        .start()
                        .waitFor())
                .isZero();
    }

    private static Duration used(Process process) {
        return process.info().totalCpuDuration().orElseThrow();
    }
}
