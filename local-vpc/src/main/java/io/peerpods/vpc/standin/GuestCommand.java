package io.peerpods.vpc.standin;

import io.grpc.Status;
import io.peerpods.proto.agent.LinuxNamespace;
import io.peerpods.proto.agent.Mount;
import io.peerpods.proto.agent.Process;
import io.peerpods.proto.agent.Spec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The command line of a container's process: the programs that enter its namespaces, and then its own program. There are no images here:
 * the process sees the VM's own file system, with the single files that the spec mounts (resolv.conf, hosts) in their places.
 *
 * @param command its first program waits in the VM's PID namespace for the process, which is its only child
 * @param environment of the process
 * @param directory the process starts there
 */
record GuestCommand(List<String> command, Map<String, String> environment, Path directory) {

    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /**
     * Mounts the container's processes, then pairs of files up to a lone dash, and becomes the command. Paths and command come as
     * arguments, never as script.
     */
    private static final String MOUNT_AND_RUN = "/bin/mount -n -t proc proc /proc || exit 126;"
            + " while [ \"$1\" != - ]; do /bin/mount -n --bind \"$1\" \"$2\" || exit 126; shift 2; done; shift; exec \"$@\"";

    /**
     * Waits for the first process of the PID namespace and ends with its status. What a shell says of a child that was killed is not the
     * container's output.
     */
    private static final String WAIT = "exec 3>&2 2>/dev/null; \"$@\" 2>&3 3>&-; exit $?";

    /** The pause container's image is not here either: it waits to be killed. */
    private static final List<String> PAUSE = List.of("/bin/sleep", "infinity");

    GuestCommand {
        command = List.copyOf(command);
        environment = Map.copyOf(environment);
    }

    static GuestCommand pause(Spec spec) {
        return inside(
                spec, newPidNamespace(), Process.newBuilder().addAllArgs(PAUSE).build());
    }

    /** The container's own process: the first of a PID namespace, whose end is the end of all that is in it. */
    static GuestCommand container(Spec spec) {
        requireProgram(spec.getProcess());
        return inside(spec, newPidNamespace(), spec.getProcess());
    }

    /**
     * A process in the container.
     *
     * @param init the container's own process, as the VM counts
     */
    static GuestCommand exec(Spec spec, long init, Process wanted) {
        requireProgram(wanted);
        return inside(spec, List.of(program("nsenter"), "--pid=/proc/" + init + "/ns/pid", "--"), wanted);
    }

    private static List<String> newPidNamespace() {
        return List.of(program("unshare"), "--pid", "--", "/bin/sh", "-c", WAIT, "container");
    }

    /**
     * Each process makes the container's few mounts for itself: to enter those of another process would take CAP_SYS_CHROOT. The programs
     * up to the process's own are named by their paths: PATH is already the container's.
     */
    private static GuestCommand inside(Spec spec, List<String> pids, Process wanted) {
        List<String> command = new ArrayList<>(network(spec));
        command.addAll(pids);
        command.addAll(List.of(program("unshare"), "--mount", "--propagation", "private", "--"));
        command.addAll(List.of("/bin/sh", "-c", MOUNT_AND_RUN, "container"));
        for (Mount mount : spec.getMountsList()) {
            if (isFileBind(mount)) {
                command.add(mount.getSource());
                command.add(mount.getDestination());
            }
        }
        command.add("-");
        command.addAll(wanted.getArgsList());
        return new GuestCommand(command, environment(wanted.getEnvList()), directory(wanted.getCwd()));
    }

    private static List<String> network(Spec spec) {
        Optional<String> network = spec.getLinux().getNamespacesList().stream()
                .filter(namespace -> namespace.getType().equals("network"))
                .map(LinuxNamespace::getPath)
                .filter(path -> !path.isEmpty())
                .findFirst();
        return network.map(path -> List.of(program("nsenter"), "--net=" + path, "--"))
                .orElse(List.of());
    }

    private static boolean isFileBind(Mount mount) {
        return mount.getType().equals("bind")
                && Files.isRegularFile(Path.of(mount.getSource()))
                && Files.isRegularFile(Path.of(mount.getDestination()));
    }

    private static Path directory(String wanted) {
        Path directory = Path.of(wanted.isEmpty() ? "/" : wanted);
        return Files.isDirectory(directory) ? directory : Path.of("/");
    }

    /** Whether these arguments of a process are still those of a program before the container's own. */
    static boolean isEntering(String arguments) {
        return arguments.contains(MOUNT_AND_RUN);
    }

    /** A missing program fails the start, as kata-agent does it, and not the running process. */
    private static void requireProgram(Process wanted) {
        if (wanted.getArgsCount() == 0) {
            throw Status.INVALID_ARGUMENT
                    .withDescription("a process has arguments")
                    .asRuntimeException();
        }
        String name = wanted.getArgs(0);
        String path = environment(wanted.getEnvList()).getOrDefault("PATH", DEFAULT_PATH);
        boolean found = name.contains("/")
                ? isProgram(directory(wanted.getCwd()).resolve(name))
                : find(name, path).isPresent();
        if (!found) {
            throw Status.INTERNAL
                    .withDescription("no program " + name + " in this VM, with PATH " + path
                            + "; containers of the stand-in agent run the VM's own")
                    .asRuntimeException();
        }
    }

    private static String program(String name) {
        return find(name, DEFAULT_PATH)
                .map(Path::toString)
                .orElseThrow(() -> Status.INTERNAL
                        .withDescription("no program " + name + " in this VM; install util-linux")
                        .asRuntimeException());
    }

    private static Optional<Path> find(String name, String path) {
        return Stream.of(path.split(":", -1))
                .map(directory -> Path.of(directory, name))
                .filter(GuestCommand::isProgram)
                .findFirst();
    }

    private static boolean isProgram(Path path) {
        return Files.isRegularFile(path) && Files.isExecutable(path);
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
}
