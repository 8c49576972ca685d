package io.peerpods.vpc.standin;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.peerpods.proto.agent.Spec;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A container's process, or one that was executed in it. A container has a PID namespace of its own, so that the end of its first process
 * ends all others, as the end of a container does. Thread-safe, but for two readers of one stream.
 */
final class GuestProcess {

    private static final int TERM = 15;
    private static final int KILL = 9;
    private static final Duration START = Duration.ofSeconds(30);

    /** Waits in the VM's PID namespace for the process and ends as it does. */
    private final Process parent;

    /** As the VM counts; empty when it has ended before it was seen. */
    private final Optional<ProcessHandle> process;

    private final boolean first;
    private final boolean silent;

    private GuestProcess(GuestCommand command, boolean first, boolean silent) {
        this.first = first;
        this.silent = silent;
        this.parent = start(command);
        this.process = awaitStart(parent);
    }

    /** The process of the pause container. */
    static GuestProcess pause(Spec spec) {
        return new GuestProcess(GuestCommand.pause(spec), true, true);
    }

    /** The container's own process. */
    static GuestProcess container(Spec spec) {
        return new GuestProcess(GuestCommand.container(spec), true, false);
    }

    /** A process in the container whose own process this is. */
    GuestProcess exec(Spec spec, io.peerpods.proto.agent.Process wanted) {
        long init = process.filter(ProcessHandle::isAlive)
                .map(ProcessHandle::pid)
                .orElseThrow(() -> Status.INTERNAL
                        .withDescription("the container's process has ended")
                        .asRuntimeException());
        return new GuestProcess(GuestCommand.exec(spec, init, wanted), false, false);
    }

    private static Process start(GuestCommand command) {
        ProcessBuilder builder = new ProcessBuilder(command.command())
                .directory(command.directory().toFile());
        builder.environment().clear();
        builder.environment().putAll(command.environment());
        try {
            return builder.start();
        } catch (IOException e) {
            throw Status.INTERNAL
                    .withDescription("start " + String.join(" ", command.command()) + ": " + e.getMessage())
                    .withCause(e)
                    .asRuntimeException();
        }
    }

    /** A start is over when the container's own program runs: from then on a signal is that program's. */
    private static Optional<ProcessHandle> awaitStart(Process parent) {
        long end = System.nanoTime() + START.toNanos();
        try {
            while (parent.isAlive()) {
                Optional<ProcessHandle> child = parent.children().findFirst();
                if (child.isPresent() && !GuestCommand.isEntering(arguments(child.get()))) {
                    return child;
                }
                if (System.nanoTime() > end) {
                    parent.destroyForcibly();
                    throw Status.INTERNAL
                            .withDescription("the container's program did not run within " + START.toSeconds() + " s")
                            .asRuntimeException();
                }
                Thread.sleep(1);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            parent.destroyForcibly();
            throw Status.CANCELLED.withCause(e).asRuntimeException();
        }
        return Optional.empty();
    }

    private static String arguments(ProcessHandle process) {
        return read("/proc/" + process.pid() + "/cmdline");
    }

    /** A file of {@code /proc}; empty when its process is gone. */
    private static String read(String file) {
        try {
            return Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Waits for its end: the exit status, or 128 plus the signal that ended it. */
    int await() throws InterruptedException {
        return parent.waitFor();
    }

    /** What it printed next, at least one byte; empty at the end. */
    ByteString readStdout(int most) throws IOException {
        return read(parent.getInputStream(), most);
    }

    /** What it printed next, at least one byte; empty at the end. */
    ByteString readStderr(int most) throws IOException {
        return read(parent.getErrorStream(), most);
    }

    private ByteString read(InputStream stream, int most) throws IOException {
        if (silent) {
            return ByteString.EMPTY;
        }
        byte[] buffer = new byte[Math.clamp(most, 1, 1 << 20)];
        int count = stream.read(buffer);
        return count < 0 ? ByteString.EMPTY : ByteString.copyFrom(buffer, 0, count);
    }

    void write(ByteString data) throws IOException {
        OutputStream stdin = parent.getOutputStream();
        data.writeTo(stdin);
        stdin.flush();
    }

    void closeStdin() throws IOException {
        parent.getOutputStream().close();
    }

    /**
     * Sends it a signal; one that has ended gets none. The first process of a PID namespace never gets a signal that it does not handle,
     * so kata-agent kills one that is asked to terminate and does not care.
     */
    void signal(int number) {
        process.filter(ProcessHandle::isAlive).ifPresent(alive -> {
            if (number == KILL || (number == TERM && first && !caresFor(alive, number))) {
                alive.destroyForcibly();
            } else {
                send(alive, number);
            }
        });
    }

    /** Whether it handles, ignores or blocks the signal (proc_pid_status(5)). */
    private static boolean caresFor(ProcessHandle process, int signal) {
        return read("/proc/" + process.pid() + "/status")
                .lines()
                .filter(line -> line.matches("Sig(Blk|Ign|Cgt):.*"))
                .map(line -> Long.parseUnsignedLong(
                        line.substring(line.indexOf(':') + 1).strip(), 16))
                .anyMatch(mask -> (mask >>> (signal - 1) & 1) == 1);
    }

    private static void send(ProcessHandle process, int signal) {
        try {
            Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                    .redirectErrorStream(true)
                    .start();
            String output = new String(kill.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (kill.waitFor() != 0 && process.isAlive()) {
                throw Status.INTERNAL
                        .withDescription("signal " + signal + ": " + output.strip())
                        .asRuntimeException();
            }
        } catch (IOException e) {
            throw Status.INTERNAL
                    .withDescription("signal " + signal + ": " + e.getMessage())
                    .asRuntimeException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Kills it if it lives and waits a moment for it. */
    void end() {
        process.ifPresent(ProcessHandle::destroyForcibly);
        parent.destroyForcibly();
        try {
            parent.waitFor(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
