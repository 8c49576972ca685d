package io.peerpods.room.standin;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.peerpods.proto.agent.LinuxNamespace;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Spec;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A container's process, or one that was executed in it: a child of this one in the network namespace that the container's OCI spec
 * names. There are no images here: the process sees the VM's own file system, with the single files that the spec mounts (resolv.conf,
 * hosts) in their places.
 */
final class GuestProcess {

    private static final String NSENTER = "nsenter";
    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    /** Mounts pairs of files up to a lone dash, then becomes the command. Paths and command come as arguments, never as script. */
    private static final String MOUNT_AND_RUN =
            "while [ \"$1\" != - ]; do /bin/mount -n --bind \"$1\" \"$2\" || exit 126; shift 2; done; shift; exec \"$@\"";

    private final Process process;
    private final boolean silent;

    private GuestProcess(Process process, boolean silent) {
        this.process = process;
        this.silent = silent;
    }

    /** The process of the pause container, whose image is not here either: it waits to be killed. */
    static GuestProcess pause(Spec spec) {
        List<String> command = new ArrayList<>(joining(spec));
        command.addAll(List.of("sleep", "infinity"));
        return new GuestProcess(start(command, List.of("PATH=" + DEFAULT_PATH), ""), true);
    }

    /** The container's own process. */
    static GuestProcess container(Spec spec) {
        return exec(spec, spec.getProcess());
    }

    /**
     * A process of the container. Each makes the container's few mounts for itself: to enter those of another process would take
     * CAP_SYS_CHROOT.
     */
    static GuestProcess exec(Spec spec, io.peerpods.proto.agent.Process wanted) {
        requireProgram(wanted);
        List<String> command = new ArrayList<>(joining(spec));
        command.addAll(List.of("unshare", "--mount", "--propagation", "private", "--"));
        command.addAll(List.of("/bin/sh", "-c", MOUNT_AND_RUN, "container"));
        for (Mount mount : spec.getMountsList()) {
            if (isFileBind(mount)) {
                command.add(mount.getSource());
                command.add(mount.getDestination());
            }
        }
        command.add("-");
        command.addAll(wanted.getArgsList());
        return new GuestProcess(start(command, wanted.getEnvList(), wanted.getCwd()), false);
    }

    private static List<String> joining(Spec spec) {
        Optional<String> network = spec.getLinux().getNamespacesList().stream()
                .filter(namespace -> namespace.getType().equals("network"))
                .map(LinuxNamespace::getPath)
                .filter(path -> !path.isEmpty())
                .findFirst();
        return network.map(path -> List.of(NSENTER, "--net=" + path, "--")).orElse(List.of());
    }

    private static boolean isFileBind(Mount mount) {
        return mount.getType().equals("bind")
                && Files.isRegularFile(Path.of(mount.getSource()))
                && Files.isRegularFile(Path.of(mount.getDestination()));
    }

    /** A missing program fails the start, as kata-agent does it, and not the running process. */
    private static void requireProgram(io.peerpods.proto.agent.Process wanted) {
        if (wanted.getArgsCount() == 0) {
            throw Status.INVALID_ARGUMENT
                    .withDescription("a process has arguments")
                    .asRuntimeException();
        }
        String program = wanted.getArgs(0);
        boolean found = program.contains("/")
                ? Files.isExecutable(Path.of(program))
                : Stream.of(path(wanted.getEnvList()).split(":", -1))
                        .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
        if (!found) {
            throw Status.INTERNAL
                    .withDescription(
                            "no program " + program + " in this VM; containers of the stand-in agent run the VM's own")
                    .asRuntimeException();
        }
    }

    private static Process start(List<String> command, List<String> environment, String directory) {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().putAll(environment(environment));
        builder.directory(new File(!directory.isEmpty() && new File(directory).isDirectory() ? directory : "/"));
        try {
            return builder.start();
        } catch (IOException e) {
            throw Status.INTERNAL
                    .withDescription("start " + String.join(" ", command) + ": " + e.getMessage())
                    .withCause(e)
                    .asRuntimeException();
        }
    }

    private static Map<String, String> environment(List<String> entries) {
        Map<String, String> environment = new TreeMap<>(Map.of("PATH", DEFAULT_PATH));
        for (String entry : entries) {
            int equals = entry.indexOf('=');
            if (equals > 0) {
                environment.put(entry.substring(0, equals), entry.substring(equals + 1));
            }
        }
        return environment;
    }

    private static String path(List<String> environment) {
        return environment(environment).getOrDefault("PATH", DEFAULT_PATH);
    }

    /** Waits for its end: the exit status, or 128 plus the signal that ended it. */
    int await() throws InterruptedException {
        return process.waitFor();
    }

    /** What it printed next, at least one byte; empty at the end. */
    ByteString readStdout(int most) throws IOException {
        return read(process.getInputStream(), most);
    }

    /** What it printed next, at least one byte; empty at the end. */
    ByteString readStderr(int most) throws IOException {
        return read(process.getErrorStream(), most);
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
        OutputStream stdin = process.getOutputStream();
        data.writeTo(stdin);
        stdin.flush();
    }

    void closeStdin() throws IOException {
        process.getOutputStream().close();
    }

    /** Sends it a signal; one that has ended gets none. */
    void signal(int number) {
        if (!process.isAlive()) {
            return;
        }
        if (number == 9) {
            process.destroyForcibly();
            return;
        }
        try {
            Process kill = new ProcessBuilder("kill", "-" + number, Long.toString(process.pid()))
                    .redirectErrorStream(true)
                    .start();
            String output = new String(kill.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            if (kill.waitFor() != 0 && process.isAlive()) {
                throw Status.INTERNAL
                        .withDescription("signal " + number + ": " + output.strip())
                        .asRuntimeException();
            }
        } catch (IOException e) {
            throw Status.INTERNAL
                    .withDescription("signal " + number + ": " + e.getMessage())
                    .asRuntimeException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Kills it if it lives and waits a moment for it. */
    void end() {
        process.destroyForcibly();
        try {
            process.waitFor(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
