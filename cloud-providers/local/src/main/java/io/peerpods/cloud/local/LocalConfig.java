package io.peerpods.cloud.local;

import io.peerpods.cloud.CloudException;
import io.peerpods.daemon.Setting;
import io.peerpods.daemon.Settings;
import io.peerpods.linux.IpAddresses;
import io.peerpods.vpc.model.NicRequest;
import io.peerpods.vpc.model.Subnet;
import io.peerpods.vpc.model.VpcBehaviour;
import io.peerpods.vpc.model.VpcSpec;
import io.peerpods.vpc.vm.ImageDirectory;
import io.peerpods.vpc.vm.VmImage;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The local provider's settings as values.
 *
 * @param workerAddress this machine's address in the VPC; empty: it is there already
 * @param secondNic how long after the boot a secondary NIC comes
 */
record LocalConfig(
        Path vpc,
        VpcSpec spec,
        Optional<InetAddress> workerAddress,
        Path podvmAgent,
        List<String> podvmAgentFlags,
        Optional<Path> kataAgent,
        Optional<ImageDirectory> imageDirectory,
        Duration secondNic,
        Duration bootDelay) {

    static LocalConfig of(Settings settings) throws CloudException {
        VpcSpec spec = read(
                LocalSettings.SUBNETS,
                () -> new VpcSpec(
                        settings.list(LocalSettings.SUBNETS).stream()
                                .map(Subnet::of)
                                .toList(),
                        settings.number(LocalSettings.MTU),
                        VpcBehaviour.EC2));
        return new LocalConfig(
                vpc(settings),
                spec,
                workerAddress(settings, spec),
                podvmAgent(settings),
                settings.list(LocalSettings.PODVM_AGENT_FLAGS),
                kataAgent(settings),
                imageDirectory(settings),
                secondNic(settings),
                settings.duration(LocalSettings.BOOT_DELAY));
    }

    static Path vpc(Settings settings) throws CloudException {
        Path vpc = Path.of(settings.text(LocalSettings.VPC_DIRECTORY));
        if (!vpc.isAbsolute()) {
            throw bad(LocalSettings.VPC_DIRECTORY, "'" + vpc + "' is not an absolute path");
        }
        return vpc;
    }

    private static Optional<InetAddress> workerAddress(Settings settings, VpcSpec spec) throws CloudException {
        String text = settings.text(LocalSettings.WORKER_ADDRESS);
        if (text.isEmpty() || text.equals("none")) {
            return Optional.empty();
        }
        InetAddress address = read(LocalSettings.WORKER_ADDRESS, () -> IpAddresses.parse(text));
        Subnet first = spec.subnets().getFirst();
        if (!first.cidr().contains(address) || address.equals(first.gateway())) {
            throw bad(
                    LocalSettings.WORKER_ADDRESS,
                    text + " is not a host of the first subnet " + first.cidr() + " beside its router "
                            + IpAddresses.text(first.gateway()));
        }
        return Optional.of(address);
    }

    /** The distributions lie side by side; the launcher says where the adaptor's own is. */
    private static Path podvmAgent(Settings settings) {
        String given = settings.text(LocalSettings.PODVM_AGENT);
        String home = System.getProperty("peerpods.home", "dist/adaptor");
        return given.isEmpty()
                ? Path.of(home).toAbsolutePath().resolveSibling("podvm-agent")
                : Path.of(given).toAbsolutePath();
    }

    private static Optional<Path> kataAgent(Settings settings) throws CloudException {
        String given = settings.text(LocalSettings.KATA_AGENT);
        if (given.isEmpty()) {
            return Optional.empty();
        }
        Path program = Path.of(given).toAbsolutePath();
        if (!Files.isExecutable(program)) {
            throw bad(LocalSettings.KATA_AGENT, program + " is no program");
        }
        return Optional.of(program);
    }

    private static Optional<ImageDirectory> imageDirectory(Settings settings) throws CloudException {
        String given = settings.text(LocalSettings.IMAGE);
        if (given.isEmpty()) {
            return Optional.empty();
        }
        ImageDirectory directory = read(LocalSettings.IMAGE, () -> ImageDirectory.read(Path.of(given)));
        if (directory.agentConfig().isPresent() && kataAgent(settings).isEmpty()) {
            throw bad(
                    LocalSettings.IMAGE,
                    directory.agentConfig().get() + " is for a kata-agent, and -" + LocalSettings.KATA_AGENT.flag()
                            + " (" + LocalSettings.KATA_AGENT.key() + ") names none");
        }
        return Optional.of(directory);
    }

    private static Duration secondNic(Settings settings) throws CloudException {
        String text = settings.text(LocalSettings.SECOND_NIC);
        return switch (text) {
            case "boot" -> Duration.ZERO;
            case "never" -> NicRequest.NEVER;
            default -> {
                if (!text.matches("[1-9][0-9]{0,5}s")) {
                    throw bad(
                            LocalSettings.SECOND_NIC, "'" + text + "' is none of boot, never and seconds such as 20s");
                }
                yield Duration.ofSeconds(Long.parseLong(text.substring(0, text.length() - 1)));
            }
        };
    }

    /** What a pod VM of this configuration runs. */
    VmImage image(int agentPort) throws CloudException {
        List<String> flags = new ArrayList<>(List.of("-user-data=aws", "-listen=0.0.0.0:" + agentPort));
        flags.addAll(podvmAgentFlags);
        VmImage image = read(
                LocalSettings.PODVM_AGENT,
                () -> kataAgent
                        .map(program -> VmImage.withKataAgent(podvmAgent, flags, program))
                        .orElseGet(() -> VmImage.withStandIn(podvmAgent, flags)));
        return imageDirectory.map(image::with).orElse(image);
    }

    @FunctionalInterface
    private interface Reading<T> {
        T get();
    }

    private static <T> T read(Setting setting, Reading<T> reading) throws CloudException {
        try {
            return reading.get();
        } catch (IllegalArgumentException e) {
            throw bad(setting, String.valueOf(e.getMessage()));
        }
    }

    private static CloudException bad(Setting setting, String why) {
        return new CloudException.InvalidRequest(
                CloudException.Outcome.NOT_DONE, "-" + setting.flag() + " (" + setting.key() + "): " + why);
    }
}
