package io.peerpods.vpc.vm;

import io.peerpods.vpc.standin.StandInKataAgent;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What a pod VM has and starts at boot.
 *
 * @param services in this order
 * @param run directories whose content is copied into the VM's {@code /run}
 * @param isolated whether the VM has cgroups of its own, in which its programs can make more, and a {@code /dev} without this machine's
 *     disks: kata-agent looks for its initdata on every disk
 */
public record VmImage(List<VmService> services, List<Path> run, boolean isolated) {

    /** Where kata-agent, real or not, listens in the VM. */
    public static final Path KATA_SOCKET = Path.of("/run/kata-containers/agent.sock");

    private static final String KATA_AGENT = "kata-agent";

    public VmImage {
        services = List.copyOf(services);
        run = List.copyOf(run);
    }

    /** Programs, and nothing else. */
    public VmImage(List<VmService> services) {
        this(services, List.of(), false);
    }

    /** A machine that runs nothing. */
    public static VmImage empty() {
        return new VmImage(List.of());
    }

    /**
     * The pod VM image: podvm-agent from its distribution, and the stand-in for kata-agent.
     *
     * @param distribution the directory with {@code bin/podvm-agent}
     * @param flags podvm-agent's
     */
    public static VmImage withStandIn(Path distribution, List<String> flags) {
        return new VmImage(List.of(standIn(), podvmAgent(distribution, flags)));
    }

    /** The same with a real kata-agent. */
    public static VmImage withKataAgent(Path distribution, List<String> flags, Path kataAgent) {
        requireExecutable(kataAgent, "kata-agent");
        Path program = kataAgent.toAbsolutePath();
        VmService agent = new VmService(
                KATA_AGENT,
                List.of(program.toString()),
                Map.of("KATA_AGENT_SERVER_ADDR", "unix://" + KATA_SOCKET),
                List.of(program));
        return new VmImage(List.of(agent, podvmAgent(distribution, flags)));
    }

    /** This image isolated and with what the directory has; the stand-in for kata-agent reads no configuration. */
    public VmImage with(ImageDirectory directory) {
        List<VmService> all = new ArrayList<>(directory.services());
        services.stream()
                .map(service -> service.name().equals(KATA_AGENT)
                        ? directory.agentConfig().map(service::configuredBy).orElse(service)
                        : service)
                .forEach(all::add);
        List<Path> more = new ArrayList<>(run);
        directory.run().ifPresent(more::add);
        return new VmImage(all, more, true);
    }

    private static VmService podvmAgent(Path distribution, List<String> flags) {
        Path home = distribution.toAbsolutePath().normalize();
        Path launcher = home.resolve("bin/podvm-agent");
        requireExecutable(launcher, "podvm-agent");
        List<String> command = new ArrayList<>();
        command.add(launcher.toString());
        command.addAll(flags);
        return new VmService("podvm-agent", command, Map.of(), List.of(home));
    }

    /** The stand-in runs on the Java and the class path of this process: a process with a VPC has its classes. */
    private static VmService standIn() {
        String home = System.getProperty("java.home");
        List<Path> classPath = Arrays.stream(
                        System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.isEmpty())
                .map(entry -> Path.of(entry).toAbsolutePath().normalize())
                .filter(Files::exists)
                .toList();
        List<String> command = List.of(
                home + "/bin/java",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-Xmx128m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                String.join(
                        File.pathSeparator,
                        classPath.stream().map(Path::toString).toList()),
                StandInKataAgent.class.getName(),
                KATA_SOCKET.toString());
        List<Path> files = new ArrayList<>(classPath);
        files.add(Path.of(home));
        return new VmService("standin-kata-agent", command, Map.of(), files);
    }

    private static void requireExecutable(Path program, String name) {
        if (!Files.isExecutable(program)) {
            throw new IllegalArgumentException("no executable " + name + " at " + program.toAbsolutePath()
                    + "; build it with 'make dist' or name another");
        }
    }
}
