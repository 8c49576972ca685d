package io.peerpods.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.peerpods.testing.NeedsProgram;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Crash points and readiness, in a process of their own. */
class ProcessTest {

    /** The program that is crashed: five steps, then a word on standard output. */
    static final class Steps {
        public static void main(String[] arguments) {
            CrashPoint point = CrashPoint.at(Integer.parseInt(arguments[0]));
            for (int i = 0; i < 5; i++) {
                point.step("step");
            }
            SdNotify.of(System.getenv()).ready();
            System.out.print("end");
        }
    }

    private static ProcessBuilder java(String crashAt) {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        return new ProcessBuilder(List.of(
                        java.toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Steps.class.getName(),
                        crashAt))
                .redirectError(ProcessBuilder.Redirect.DISCARD);
    }

    private static Map.Entry<Integer, String> run(ProcessBuilder builder) throws Exception {
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        return Map.entry(process.waitFor(), output);
    }

    @Test
    void theProcessDiesAtTheChosenStepAndAtNoOther() throws Exception {
        assertThat(run(java("5"))).isEqualTo(Map.entry(CrashPoint.EXIT, ""));
        assertThat(run(java("6"))).isEqualTo(Map.entry(0, "end"));
        assertThat(run(java("0"))).isEqualTo(Map.entry(0, "end"));
    }

    @Test
    @NeedsProgram("python3")
    void theServiceManagerIsTold(@TempDir Path directory) throws Exception {
        Path socket = directory.resolve("notify");
        // The JDK has no datagram sockets of this family to listen on.
        Process manager = new ProcessBuilder("python3", "-c", """
                import socket, sys
                listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                listener.bind(sys.argv[1])
                listener.settimeout(60)
                print("bound", flush=True)
                print(listener.recv(4096).decode(), flush=True)
                """, socket.toString()).start();
        try (BufferedReader heard = manager.inputReader()) {
            assertThat(heard.readLine()).isEqualTo("bound");
            ProcessBuilder builder = java("0");
            builder.environment().put(SdNotify.KEY, socket.toString());
            assertThat(run(builder)).isEqualTo(Map.entry(0, "end"));
            assertThat(heard.readLine()).isEqualTo("READY=1");
        } finally {
            manager.destroy();
        }
    }

    @Test
    void aServiceManagerThatIsGoneStopsNothing() throws Exception {
        ProcessBuilder builder = java("0");
        builder.environment()
                .put(SdNotify.KEY, "@peerpods-nobody-" + ProcessHandle.current().pid());
        assertThat(run(builder)).isEqualTo(Map.entry(0, "end"));
    }
}
