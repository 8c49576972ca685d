package io.peerpods.tests.kata;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The programs of other projects that the tests run.
 *
 * @param shim {@code containerd-shim-kata-v2}
 * @param crictl the command line of containerd's CRI
 * @param cni directory of the CNI plugins
 */
record KataPrograms(Path shim, Path containerd, Path crictl, Path cni) {

    private static final List<Path> SHIMS = List.of(
            Path.of("/opt/kata/bin/containerd-shim-kata-v2"),
            Path.of("/opt/kata/runtime-rs/bin/containerd-shim-kata-v2"));

    /** The shim that {@code KATA_SHIM} names, else an installed one. */
    static Optional<Path> findShim() {
        String given = System.getenv("KATA_SHIM");
        Stream<Path> places = given == null ? SHIMS.stream() : Stream.of(Path.of(given));
        return places.filter(Files::isExecutable).findFirst();
    }

    /** All of them. */
    static KataPrograms find() {
        return new KataPrograms(
                findShim().orElseThrow(),
                program("CONTAINERD", "containerd").orElseThrow(),
                program("CRICTL", "crictl").orElseThrow(),
                plugins().orElseThrow());
    }

    /** What is missing beside the shim, with the way to name it. */
    static List<String> missing() {
        List<String> missing = new ArrayList<>();
        if (program("CONTAINERD", "containerd").isEmpty()) {
            missing.add("containerd (in PATH, or CONTAINERD names it)");
        }
        if (program("CRICTL", "crictl").isEmpty()) {
            missing.add("crictl of cri-tools (in PATH, or CRICTL names it)");
        }
        if (plugins().isEmpty()) {
            missing.add(
                    "the CNI plugins bridge and host-local (in /opt/cni/bin or /usr/lib/cni, or CNI_PLUGINS names the directory)");
        }
        return missing;
    }

    /** The real kata-agent to run in the pod VMs; without one they run the stand-in. */
    static Optional<Path> kataAgent() {
        return Optional.ofNullable(System.getenv("KATA_AGENT")).map(Path::of);
    }

    /** The image directory with what the real kata-agent needs of its VM. */
    static Optional<Path> image() {
        return Optional.ofNullable(System.getenv("KATA_IMAGE")).map(Path::of);
    }

    private static Optional<Path> program(String variable, String name) {
        String given = System.getenv(variable);
        Stream<Path> places = given != null
                ? Stream.of(Path.of(given))
                : Stream.of((System.getenv().getOrDefault("PATH", "") + ":/usr/local/bin:/usr/sbin:/usr/bin")
                                .split(":", -1))
                        .map(directory -> Path.of(directory, name));
        return places.filter(Files::isExecutable).findFirst();
    }

    private static Optional<Path> plugins() {
        String given = System.getenv("CNI_PLUGINS");
        Stream<String> places = given != null ? Stream.of(given) : Stream.of("/opt/cni/bin", "/usr/lib/cni");
        return places.map(Path::of)
                .filter(directory -> Stream.of("bridge", "host-local")
                        .allMatch(plugin -> Files.isExecutable(directory.resolve(plugin))))
                .findFirst();
    }
}
