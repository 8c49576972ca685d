package io.peerpods.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A program that ran to its end.
 *
 * @param exit its exit status; 128 and the signal when a signal ended it
 * @param output both streams, in order
 */
public record Ran(List<String> command, int exit, String output) {

    private static final Duration DEADLINE = Duration.ofSeconds(60);

    public Ran {
        command = List.copyOf(command);
    }

    public boolean ok() {
        return exit == 0;
    }

    /** Runs a program of this machine; one that has not ended after a minute is killed, and that is an error. */
    public static Ran run(List<String> command) {
        return run(command, "");
    }

    /** The same with something to read. */
    public static Ran run(List<String> command, String input) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            CompletableFuture<String> output = new CompletableFuture<>();
            Thread.ofVirtual().start(() -> output.complete(read(process)));
            process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().close();
            if (!process.waitFor(DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IllegalStateException("no end after " + DEADLINE.toSeconds() + " s: " + command);
            }
            return new Ran(command, process.exitValue(), output.join());
        } catch (IOException e) {
            throw new UncheckedIOException("run " + command, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while it ran: " + command, e);
        }
    }

    private static String read(Process process) {
        try {
            return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "(its output cannot be read: " + e.getMessage() + ")";
        }
    }

    /** The output of a program that must not fail. */
    public String orThrow() {
        if (!ok()) {
            throw new IllegalStateException(
                    "status " + exit + " of " + String.join(" ", command) + ": " + output.strip());
        }
        return output;
    }
}
