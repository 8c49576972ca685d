package io.peerpods.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds and runs the command line programs that tests compare with. */
public final class Programs {

    private Programs() {}

    /** What a program printed (both streams, in order) and its exit status. */
    public record Result(int exit, String output) {}

    /** The program's path, looked up in PATH and in the sbin directories. */
    public static Optional<Path> find(String name) {
        String path = System.getenv().getOrDefault("PATH", "");
        return Stream.concat(Arrays.stream(path.split(":", -1)), Stream.of("/usr/sbin", "/sbin", "/usr/bin", "/bin"))
                .filter(directory -> !directory.isEmpty())
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Runs to the end. The child is in the network namespace of the calling platform thread. */
    public static Result run(String... command) {
        return run(new ProcessBuilder(located(command)).redirectErrorStream(true));
    }

    /** Runs to the end, whatever the exit status, and returns what it printed to its standard output alone. */
    public static String standardOutput(String... command) {
        return run(new ProcessBuilder(located(command)).redirectError(ProcessBuilder.Redirect.DISCARD))
                .output();
    }

    private static List<String> located(String... command) {
        List<String> words = Arrays.asList(command.clone());
        find(words.getFirst()).ifPresent(program -> words.set(0, program.toString()));
        return words;
    }

    private static Result run(ProcessBuilder builder) {
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Result(process.waitFor(), output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + builder.command() + " ran", e);
        }
    }

    /** Runs and returns the output; a failure is an error that shows the command and what it printed. */
    public static String require(String... command) {
        Result result = run(command);
        if (result.exit() != 0) {
            throw new IllegalStateException(
                    String.join(" ", command) + " ended with " + result.exit() + ": " + result.output());
        }
        return result.output();
    }
}
