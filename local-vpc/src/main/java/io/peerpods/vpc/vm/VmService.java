package io.peerpods.vpc.vm;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A program that a pod VM starts at boot.
 *
 * @param name names its console file, {@code <name>.log}
 * @param command the program by its path, and its arguments
 * @param environment all of its environment but {@code PATH} and {@code HOME}, which it gets when it is not here
 * @param files what it needs of this machine's file system; looked at only where the VM's own {@code /run} and {@code /tmp} would
 *     hide it
 */
public record VmService(String name, List<String> command, Map<String, String> environment, List<Path> files) {

    public VmService {
        command = List.copyOf(command);
        environment = Map.copyOf(environment);
        files = List.copyOf(files);
        if (!name.matches("[a-z0-9-]{1,40}")) {
            throw new IllegalArgumentException("a service's name is of [a-z0-9-], not '" + name + "'");
        }
    }

    /** The same program with {@code --config} and that file. */
    VmService configuredBy(Path config) {
        return new VmService(
                name,
                Stream.concat(command.stream(), Stream.of("--config", config.toString()))
                        .toList(),
                environment,
                Stream.concat(files.stream(), Stream.of(config)).toList());
    }

    public static VmService of(String name, String... command) {
        return new VmService(name, List.of(command), Map.of(), List.of());
    }
}
