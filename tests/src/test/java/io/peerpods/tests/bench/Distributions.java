package io.peerpods.tests.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@code make dist} made, and programs of this benchmark that run on the same runtime with the launchers' own JVM settings.
 *
 * @param directory with {@code adaptor} and {@code podvm-agent}
 */
record Distributions(Path directory) {

    static Distributions find() throws IOException {
        Path directory = Path.of(System.getProperty("peerpods.dist", "dist"))
                .toAbsolutePath()
                .normalize();
        Distributions found = new Distributions(directory);
        for (Path program : List.of(found.adaptor(), found.podvmAgent())) {
            if (!Files.isExecutable(program)) {
                throw new IOException("no " + program + ": run 'make dist'");
            }
        }
        return found;
    }

    Path adaptor() {
        return directory.resolve("adaptor/bin/adaptor");
    }

    Path podvmAgent() {
        return directory.resolve("podvm-agent/bin/podvm-agent");
    }

    /** A main class of this benchmark, on the adaptor's runtime and libraries. */
    List<String> java(Class<?> main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(jvm(directory.resolve("adaptor/runtime/bin/java")));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    /**
     * A directory of its own with a script {@code kata-agent} and all that it needs: a pod VM sees no other file of this benchmark.
     */
    Path agentScript(Path in, Class<?> main) throws IOException {
        Path home = Files.createDirectories(in);
        Path lib = Files.createDirectories(home.resolve("lib"));
        for (String entry : System.getProperty("java.class.path").split(":", -1)) {
            Path path = Path.of(entry);
            if (Files.isDirectory(path)) {
                copyClasses(path, home.resolve("classes"));
            } else if (path.getFileName().toString().endsWith(".jar")) {
                Files.copy(path, lib.resolve(path.getFileName().toString()));
            }
        }
        String java = String.join(" ", jvm(directory.resolve("podvm-agent/runtime/bin/java")));
        Path script = home.resolve("kata-agent");
        Files.writeString(
                script,
                "#!/bin/sh\nhome=" + home + "\nexec " + java + " -cp \"$home/classes:$home/lib/*\" " + main.getName()
                        + "\n");
        if (!script.toFile().setExecutable(true)) {
            throw new IOException(script + " cannot be made executable");
        }
        return script;
    }

    private static void copyClasses(Path from, Path to) throws IOException {
        try (var files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                if (file.toString().contains("bench")) {
                    Path target = to.resolve(from.relativize(file).toString());
                    Files.createDirectories(target.getParent());
                    Files.copy(file, target);
                }
            }
        }
    }

    private static List<String> jvm(Path java) {
        return List.of(
                java.toString(),
                "-XX:+UseSerialGC",
                "-XX:+UseCompactObjectHeaders",
                "-Xmx384m",
                "--enable-native-access=ALL-UNNAMED");
    }
}
