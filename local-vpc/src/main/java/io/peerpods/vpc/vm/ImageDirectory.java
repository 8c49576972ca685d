package io.peerpods.vpc.vm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A directory with what a pod VM has beside podvm-agent and kata-agent, so that it can be what a real kata-agent expects.
 *
 * <ul>
 *   <li>{@code run/}: copied into the VM's {@code /run} before any program starts
 *   <li>{@code services/}: programs that the VM starts before kata-agent, in the order of their names, at most {@value #MOST_SERVICES}; a
 *       name is of {@code [a-z0-9-]}
 *   <li>{@code agent-config.toml}: kata-agent gets it by {@code --config}
 * </ul>
 *
 * @param run absent: nothing is copied
 * @param agentConfig absent: kata-agent gets no {@code --config}
 */
public record ImageDirectory(Optional<Path> run, List<VmService> services, Optional<Path> agentConfig) {

    static final int MOST_SERVICES = VmInit.MOST_SERVICES - 2;

    private static final String RUN = "run";
    private static final String SERVICES = "services";
    private static final String AGENT_CONFIG = "agent-config.toml";

    public ImageDirectory {
        services = List.copyOf(services);
    }

    /**
     * Looks at a directory.
     *
     * @throws IllegalArgumentException naming what is wrong in it, and what belongs there
     */
    public static ImageDirectory read(Path directory) {
        Path root = directory.toAbsolutePath().normalize();
        for (Path entry : entries(root)) {
            String name = entry.getFileName().toString();
            if (!Set.of(RUN, SERVICES, AGENT_CONFIG).contains(name)) {
                throw new IllegalArgumentException(entry + " has no meaning; an image directory has " + RUN + "/, "
                        + SERVICES + "/ and " + AGENT_CONFIG);
            }
        }
        Path run = root.resolve(RUN);
        if (Files.exists(run) && !Files.isDirectory(run)) {
            throw new IllegalArgumentException(run + " is not a directory");
        }
        Path config = root.resolve(AGENT_CONFIG);
        if (Files.exists(config) && !Files.isRegularFile(config)) {
            throw new IllegalArgumentException(config + " is not a file");
        }
        return new ImageDirectory(
                Optional.of(run).filter(Files::isDirectory),
                services(root.resolve(SERVICES)),
                Optional.of(config).filter(Files::isRegularFile));
    }

    private static List<VmService> services(Path directory) {
        if (!Files.exists(directory)) {
            return List.of();
        }
        List<VmService> services = new ArrayList<>();
        for (Path program : entries(directory)) {
            if (!Files.isRegularFile(program) || !Files.isExecutable(program)) {
                throw new IllegalArgumentException(program + " is not a program");
            }
            services.add(new VmService(
                    program.getFileName().toString(), List.of(program.toString()), Map.of(), List.of(program)));
        }
        if (services.size() > MOST_SERVICES) {
            throw new IllegalArgumentException(
                    directory + " has " + services.size() + " programs; at most " + MOST_SERVICES + " can be started");
        }
        return services;
    }

    private static List<Path> entries(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new IllegalArgumentException(directory + " is not a directory");
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("list " + directory, e);
        }
    }
}
