package io.peerpods.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

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
    void aServiceManagerThatIsGoneStopsNothing() throws Exception {
        ProcessBuilder builder = java("0");
        builder.environment()
                .put(SdNotify.KEY, "@peerpods-nobody-" + ProcessHandle.current().pid());
        assertThat(run(builder)).isEqualTo(Map.entry(0, "end"));
    }
}
