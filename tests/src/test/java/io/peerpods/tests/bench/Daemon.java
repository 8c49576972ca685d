package io.peerpods.tests.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A process that the benchmark started, with its output in a file. Closing ends it: asked first, then killed. */
final class Daemon implements AutoCloseable {
    private final String name;
    private final Process process;
    private final Path log;

    private Daemon(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /** Starts the command in a network namespace; an empty path is this process's own. */
    static Daemon start(String name, Path namespace, Map<String, String> environment, Path log, List<String> command)
            throws IOException {
        List<String> whole = new ArrayList<>();
        if (!namespace.toString().isEmpty()) {
            whole.addAll(List.of("nsenter", "--net=" + namespace, "--"));
        }
        whole.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(whole)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .redirectInput(ProcessBuilder.Redirect.PIPE);
        builder.environment().putAll(environment);
        return new Daemon(name, builder.start(), log);
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** A condition that somebody waits for. */
    interface Condition {
        boolean holds() throws Exception;
    }

    /** Waits, looking once a millisecond, while the process lives. */
    void await(String what, Duration patience, Condition condition) throws Exception {
        long end = System.nanoTime() + patience.toNanos();
        while (!condition.holds()) {
            if (!process.isAlive() || System.nanoTime() > end) {
                throw new IOException(
                        name + ": no " + what + " within " + patience.toSeconds() + " s; it says: " + tail());
            }
            Thread.sleep(1);
        }
    }

    double residentMegabytes() throws IOException {
        return residentMegabytes(process.pid());
    }

    /** How long ago a process was executed, to 10 ms: by the clock since boot, that of {@link ProcessHandle} is off by up to a second. */
    static double ageMillis(long pid) throws IOException {
        String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
        double started =
                Double.parseDouble(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[19]);
        double uptime =
                Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ", -1)[0]);
        return uptime * 1000 - started * 10;
    }

    /** VmRSS of a process. */
    static double residentMegabytes(long pid) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"))) {
            if (line.startsWith("VmRSS:")) {
                return Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024;
            }
        }
        throw new IOException("process " + pid + " has no VmRSS");
    }

    String tail() throws IOException {
        String text = Files.readString(log, StandardCharsets.UTF_8);
        return text.substring(Math.max(0, text.length() - 4000));
    }

    @Override
    public void close() throws IOException {
        process.getOutputStream().close();
        process.destroy();
        try {
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
