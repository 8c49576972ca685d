package io.peerpods.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The adaptor's distribution, with the provider {@code local} unless told otherwise, running in a worker's network namespace with directories of its own. */
public final class Adaptor implements AutoCloseable {

    private static final String LOCAL = "local";

    private final Path directory;
    private final List<String> command;
    private final Map<String, String> environment;
    private Daemon daemon;

    private Adaptor(Path directory, List<String> command, Map<String, String> environment) {
        this.directory = directory;
        this.command = command;
        this.environment = environment;
        this.daemon = Daemon.start(command, environment, log());
    }

    /** What an adaptor is started with. */
    public static final class Options {

        private final Map<String, String> environment = new HashMap<>();
        private final List<String> flags = new ArrayList<>();
        private String provider = LOCAL;

        /** How its pods are connected. */
        public static Options of(PodConnection setting) {
            Options options = new Options();
            if (setting.externalNetwork()) {
                options.flags.add("-ext-network-via-podvm");
                options.flags.add("-pod-subnet-cidrs=" + String.join(",", setting.podSubnetCidrs()));
            }
            return options;
        }

        /** With another provider, whose settings are among its flags and in its environment. */
        public Options provider(String name) {
            provider = name;
            return this;
        }

        public Options flag(String flag) {
            flags.add(flag);
            return this;
        }

        public Options environment(String key, String value) {
            environment.put(key, value);
            return this;
        }
    }

    /**
     * Starts one; it is not ready yet.
     *
     * @param directory its own; short, as a socket's path has at most 107 bytes
     */
    public static Adaptor start(
            Distributions distributions, Cluster cluster, Place worker, Path directory, Options options) {
        List<String> command = new ArrayList<>();
        command.add(distributions.adaptor().resolve("bin/adaptor").toString());
        command.add(options.provider);
        command.add("-socket=" + directory.resolve("hypervisor.sock"));
        command.add("-pods-dir=" + directory.resolve("pods"));
        command.add("-state-dir=" + directory.resolve("state"));
        command.add("-grpc-listen=unix:" + directory.resolve("adaptor.sock"));
        if (options.provider.equals(LOCAL)) {
            command.add("-local-room=" + cluster.vpc().directory());
            command.add("-local-worker-address=none");
            command.add("-podvm-agent=" + distributions.podVmAgent());
        }
        command.addAll(options.flags);
        Map<String, String> environment = new HashMap<>(Map.of("NODE_NAME", worker.name(), "CLUSTER_ID", "lab"));
        environment.putAll(options.environment);
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Adaptor(directory, worker.inside(command), environment);
    }

    /** Waits until it answers. */
    public Adaptor awaitReady() throws InterruptedException {
        Shim shim = shim();
        Until.found("the adaptor answers at " + shim.socket(), () -> {
            if (!daemon.isAlive()) {
                throw new IllegalStateException("the adaptor ended; it said:\n" + daemon.log());
            }
            return Files.exists(shim.socket()) && shim.answers()
                    ? java.util.Optional.of(true)
                    : java.util.Optional.empty();
        });
        return this;
    }

    /** Starts it again, after its end, with more in its environment. */
    public Adaptor startAgain(Map<String, String> more) {
        if (daemon.isAlive()) {
            throw new IllegalStateException("it still runs");
        }
        Map<String, String> all = new HashMap<>(environment);
        all.putAll(more);
        daemon = Daemon.start(command, all, log());
        return this;
    }

    public Shim shim() {
        return new Shim(directory.resolve("hypervisor.sock"));
    }

    public Daemon daemon() {
        return daemon;
    }

    /** The sandboxes' directories. */
    public Path pods() {
        return directory.resolve("pods");
    }

    public Path state() {
        return directory.resolve("state");
    }

    private Path log() {
        return directory.resolve("adaptor.log");
    }

    @Override
    public void close() {
        daemon.close();
    }
}
