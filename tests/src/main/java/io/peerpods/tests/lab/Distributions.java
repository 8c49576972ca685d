package io.peerpods.tests.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The two daemons as {@code make dist} makes them.
 *
 * @param directory with {@code adaptor/} and {@code podvm-agent/}
 */
public record Distributions(Path directory) {

    /** Names the directory; without it, {@code dist} of the repository that the working directory is in. */
    public static final String PROPERTY = "peerpods.dist";

    /** They, when they have been made. */
    public static Optional<Distributions> find() {
        String given = System.getProperty(PROPERTY);
        if (given != null) {
            return Optional.of(new Distributions(Path.of(given).toAbsolutePath().normalize()))
                    .filter(Distributions::isComplete);
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            Distributions here = new Distributions(at.resolve("dist"));
            if (here.isComplete()) {
                return Optional.of(here);
            }
        }
        return Optional.empty();
    }

    public Path adaptor() {
        return directory.resolve("adaptor");
    }

    public Path podVmAgent() {
        return directory.resolve("podvm-agent");
    }

    private boolean isComplete() {
        return Files.isExecutable(adaptor().resolve("bin/adaptor"))
                && Files.isExecutable(podVmAgent().resolve("bin/podvm-agent"));
    }
}
