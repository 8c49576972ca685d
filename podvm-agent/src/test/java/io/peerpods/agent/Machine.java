package io.peerpods.agent;

import io.peerpods.testing.TempNetns;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A machine for podvm-agent: a network namespace with one NIC or two, cabled to a worker's namespace, and a mount namespace with a
 * {@code /run} of its own that outlives the agent's process.
 */
final class Machine implements AutoCloseable {

    static final String ADDRESS = "10.10.1.2";
    private static final long PATIENCE_SECONDS = 120;

    final TempNetns vm = TempNetns.create("agentvm");
    final TempNetns worker = TempNetns.create("agentwk");
    private final Path logs;
    private final Process init;
    private final List<Process> started = new ArrayList<>();

    Machine(Path logs, boolean secondNic) throws IOException {
        this.logs = logs;
        nic("ens5", "wk0", ADDRESS + "/16", "10.10.0.1/16", "02:00:00:00:10:01");
        vm.exec("ip", "route", "add", "default", "via", "10.10.0.1", "dev", "ens5");
        if (secondNic) {
            nic("ens6", "wk1", "10.20.0.10/24", "10.20.0.1/24", "02:00:00:00:10:02");
            vm.exec("ip", "route", "add", "default", "via", "10.20.0.1", "dev", "ens6", "metric", "200");
        }
        init = new ProcessBuilder(
                        "ip",
                        "netns",
                        "exec",
                        vm.name(),
                        "unshare",
                        "--mount",
                        "--propagation",
                        "private",
                        "sh",
                        "-c",
                        "mount -t tmpfs tmpfs /run && mkdir -p /run/netns && echo up && exec sleep infinity")
                .redirectErrorStream(true)
                .start();
        byte[] up = init.getInputStream().readNBytes(2);
        if (up.length < 2 || up[0] != 'u') {
            close();
            throw new IOException(
                    "the machine does not start: " + new String(up, java.nio.charset.StandardCharsets.UTF_8));
        }
    }

    /** A file as the machine sees it. */
    Path file(String path) {
        return Path.of("/proc/" + init.pid() + "/root" + path);
    }

    /** Starts podvm-agent, this module's classes on this Java. */
    Process agent(Map<String, String> environment, String... flags) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "nsenter",
                "--target",
                Long.toString(init.pid()),
                "--mount",
                "--net",
                System.getProperty("java.home") + "/bin/java",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx128m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                AgentMain.class.getName()));
        command.addAll(List.of(flags));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
        builder.environment().putAll(environment);
        Process process = builder.start();
        started.add(process);
        return process;
    }

    Path log() {
        return logs.resolve("podvm-agent.log");
    }

    String logged() throws IOException {
        return Files.readString(log());
    }

    static int exit(Process process) throws InterruptedException {
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("podvm-agent does not end");
        }
        return process.exitValue();
    }

    /** Runs a program among the machine's mounts. */
    String exec(String... command) {
        List<String> words =
                new ArrayList<>(List.of("nsenter", "--target", Long.toString(init.pid()), "--mount", "--"));
        words.addAll(List.of(command));
        return io.peerpods.testing.Programs.require(words.toArray(String[]::new));
    }

    /** Runs a program in the pod's namespace. */
    String inPod(String... command) {
        List<String> words = new ArrayList<>(List.of("nsenter", "--net=" + file("/run/netns/podns"), "--"));
        words.addAll(List.of(command));
        return io.peerpods.testing.Programs.require(words.toArray(String[]::new));
    }

    @Override
    public void close() {
        started.forEach(process -> {
            process.destroyForcibly();
            process.onExit().join();
        });
        init.destroyForcibly();
        init.onExit().join();
        vm.close();
        worker.close();
    }

    private void nic(String name, String other, String address, String otherAddress, String mac) {
        vm.exec(
                "ip",
                "link",
                "add",
                name,
                "address",
                mac,
                "type",
                "veth",
                "peer",
                "name",
                other,
                "netns",
                worker.name());
        vm.exec("ip", "addr", "add", address, "dev", name);
        vm.exec("ip", "link", "set", name, "up");
        worker.exec("ip", "addr", "add", otherAddress, "dev", other);
        worker.exec("ip", "link", "set", other, "up");
    }
}
