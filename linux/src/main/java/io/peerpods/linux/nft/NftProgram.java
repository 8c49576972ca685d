package io.peerpods.linux.nft;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The {@code nft} program, fed by its standard input. */
public final class NftProgram implements Nft {

    private static final Duration DEADLINE = Duration.ofSeconds(20);

    // PATH of a daemon often lacks the sbin directories.
    private static final List<String> USUAL_PLACES = List.of("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft");

    private final String program;

    private NftProgram(String program) {
        this.program = program;
    }

    /** The one in the usual places, else in PATH. */
    public static NftProgram find() {
        return new NftProgram(USUAL_PLACES.stream()
                .filter(place -> Files.isExecutable(Path.of(place)))
                .findFirst()
                .orElse("nft"));
    }

    @Override
    public void run(String script) {
        Process process;
        try {
            process = new ProcessBuilder(program, "-f", "-")
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new NftException("cannot run " + program + ": install the package nftables", e);
        }
        try {
            int exit = feed(process, script);
            if (exit != 0) {
                String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                throw new NftException("nft refused the transaction: " + said.strip());
            }
        } catch (IOException e) {
            throw new NftException("nft ended before it had read the transaction: " + e.getMessage(), e);
        } finally {
            process.destroyForcibly();
        }
    }

    private static int feed(Process process, String script) throws IOException {
        try (OutputStream input = process.getOutputStream()) {
            input.write(script.getBytes(StandardCharsets.UTF_8));
        }
        // Uninterruptible: whether the transaction is in force must be known.
        boolean interrupted = false;
        long end = System.nanoTime() + DEADLINE.toNanos();
        try {
            while (true) {
                try {
                    if (!process.waitFor(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                        throw new NftException("nft did not end within " + DEADLINE.toSeconds() + " s");
                    }
                    return process.exitValue();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
